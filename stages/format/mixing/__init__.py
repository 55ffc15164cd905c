"""What is trained beside the pairs: general instruction rows against forgetting, and the pages themselves."""
