"""TFLite files of built-in operations only: what any build of the runtime has."""
