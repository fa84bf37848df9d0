#!/bin/sh
# One run by 2 nodes with 4 tasks each: sbatch examples/slurm.sh [words of genzoo train], such as --resume runs/mine
#SBATCH --job-name=genzoo
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --distribution=block
# Leave this line out where there are no GPUs.
#SBATCH --gpus-per-task=1
#SBATCH --time=04:00:00
# Five minutes before that time is over training saves, and ends with 143.
#SBATCH --signal=TERM@300

[ $# -gt 0 ] || set -- --model cddpm --data mnist --batch-size 512 --out runs/mine
exec srun genzoo train --cluster slurm "$@"
