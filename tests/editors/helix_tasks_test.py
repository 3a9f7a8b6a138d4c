#!/usr/bin/env python3
"""What a person wants to know, done as a person does it in a real Helix, in at most three actions: helix_tasks_test.py FOVEA HX"""

import re

from helix_harness import FILES, run_all, test


def with_cookies(work):
    """A file that nobody opens, and that signs cookies without the word."""
    (work / "tools" / "sealing.py").write_text(
        "import hashlib\nimport hmac\n\n\ndef seal(payload, key):\n"
        '    """Protects the session cookie against tampering with a keyed digest."""\n'
        "    digest = hmac.new(key, payload, hashlib.sha256).hexdigest()\n    return payload + digest\n"
    )


def where_are_cookies_signed(helix):
    actions = []

    # One: the symbol picker, with the words typed into it. It is asked again only while the folder is not indexed yet.
    def ask():
        helix.escape()
        helix.escape()
        helix.type(" S")
        helix.type("where are session cookies signed")
        actions[:] = ["space S"]

    ask()
    helix.until("the function on top", lambda screen: re.search(r"> .*\bseal\b.*sealing\.py", screen), ask)
    # Two: the best answer is selected.
    helix.keys("Enter")
    actions.append("Enter")
    helix.until("the file", lambda screen: re.search(r"NOR\s.*sealing\.py", screen))
    helix.until("the cursor on the name", lambda _: helix.text_at_cursor().startswith("seal("))
    assert len(actions) <= 3, actions


def tests():
    test("where are cookies signed?", where_are_cookies_signed, files=FILES[:1], prepare=with_cookies)


if __name__ == "__main__":
    run_all(tests)
