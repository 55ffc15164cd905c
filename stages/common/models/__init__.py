"""Base models, tokenizers and what the adapter's and the merged model's cards say."""
