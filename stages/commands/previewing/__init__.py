"""Looking at what will be trained: rows of the dataset on their way to tokens, on screen and as a page."""
