"""The answers that train keeps of the model as trained."""

from stages.train import as_trained


def test_an_answer_is_the_same_alone_and_beside_others_and_ends_with_its_stop_token(tiny_model):
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32).eval()
    prompts = [[5, 9, 30], [7, 8, 40, 41, 42, 43, 99], [250]]
    never = 2  # never said by these weights
    alone = [as_trained.greedy(model, [prompt], never)[0] for prompt in prompts]
    assert all(len(answer) == as_trained.TOKENS for answer in alone)
    assert as_trained.greedy(model, prompts, never) == alone
    stop = alone[0][3]
    ended = [answer[: answer.index(stop) + 1] if stop in answer else answer for answer in alone]
    assert as_trained.greedy(model, prompts, stop) == ended and len(ended[0]) <= 4


def test_rows_are_asked_as_many_at_a_time_as_a_step_holds():
    asked = [{"prompt": [n]} for n in range(7)]
    assert [len(batch) for batch in as_trained.batched(asked, 3)] == [3, 3, 1]
