"""What people run today, to be measured beside genzoo."""
