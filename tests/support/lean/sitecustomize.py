"""Stages of a clone see what `make setup` installs: not bitsandbytes, nor scikit-learn, which lm_eval brings for the
tests. Transformers and PEFT import both where they find them, two seconds of CPU in each stage."""

import sys
from importlib.machinery import PathFinder


class Lean(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name in ("bitsandbytes", "sklearn") else super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Lean
