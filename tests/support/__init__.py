"""What several rooms of the tests use."""
