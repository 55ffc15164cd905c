"""How dataset rows become the text, the token ids and the labels that are trained."""
