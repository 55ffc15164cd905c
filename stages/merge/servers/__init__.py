"""vLLM and llama.cpp: how they are started, and what they need to know of the model."""
