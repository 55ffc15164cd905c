"""The merged model in the formats of other servers, and whether it is still the same model there."""
