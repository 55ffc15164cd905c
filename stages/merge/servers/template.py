"""The chat template as servers need it: they know nothing of params.yaml."""

import json

from stages.common.chat.templates import Chat


def served_template(chat: Chat) -> str:
    """The trained template, in front of which stands what `conversations.conversation` does with a system turn: a
    conversation without one gets `format.system_prompt`, and where the template has no place for it, it opens the
    first user turn, unless a client has put it there. It is the trained template itself when there is nothing to do."""
    system = json.dumps(chat.section.system_prompt, ensure_ascii=False)  # Jinja reads JSON's strings
    if chat.folds_system:
        before = (
            f"{{% set folded = {system} %}}{{% if messages[0]['role'] == 'system' %}}"
            "{% set folded = messages[0]['content'] %}{% set messages = messages[1:] %}{% endif %}"
            "{% set folded = folded + '\\n\\n' if folded else '' %}"
            "{% if not messages[0]['content'].startswith(folded) %}"
            "{% set messages = [{'role': 'user', 'content': folded + messages[0]['content']}] + messages[1:] %}"
            "{% endif %}"
        )
    elif chat.section.system_prompt:
        before = (
            "{% if messages[0]['role'] != 'system' %}"
            f"{{% set messages = [{{'role': 'system', 'content': {system}}}] + messages %}}{{% endif %}}"
        )
    else:
        return chat.template
    # A newline right behind a block is swallowed (trim_blocks).
    return before + ("\n" if chat.template.startswith("\n") else "") + chat.template
