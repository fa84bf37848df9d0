"""What the commands do: one function each, which takes what `cli.parser` made of the words.

A command first checks all that can be checked cheaply, so that a mistake is answered at once and costs nothing;
TensorFlow starts after that.
"""
