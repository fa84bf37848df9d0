"""Numbers that grade samples."""
