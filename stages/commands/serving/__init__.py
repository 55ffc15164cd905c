"""Talking to the models that the pipeline made, with the prompts that they were trained on."""
