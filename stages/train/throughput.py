"""Model FLOPs utilisation (MFU): the share of the processor's peak that a training puts into the model."""

# Dense bf16 tensor-core FLOP/s by device name, from NVIDIA's data sheets; the first name that fits counts.
PEAK_FLOPS = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "H20": 148e12,
    "A100": 312e12,
    "A800": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
    "B200": 2250e12,
}


def flops_per_token(parameters: int) -> int:
    """4N for LoRA with N parameters in the base: 2N forward and 2N for the gradients of the activations.

    Full fine-tuning takes 6N (Kaplan et al. 2020, arXiv:2001.08361, section 2.1; PaLM, arXiv:2204.02311, appendix B);
    LoRA leaves out the 2N for the gradients of frozen weights. Work that checkpointing does twice does not count, nor
    does attention over the sequence, which is small at the lengths of documentation rows.
    """
    return 4 * parameters


def peak_flops(device_name: str) -> float | None:
    """Peak FLOP/s of a GPU in bf16, None when it is not known."""
    return next((peak for name, peak in PEAK_FLOPS.items() if f" {name} " in f"{device_name} ".replace("-", " ")), None)


def mfu(tokens_per_second: float, parameters: int, peak: float) -> float:
    return tokens_per_second * flops_per_token(parameters) / peak
