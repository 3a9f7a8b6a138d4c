#!/usr/bin/env python3
"""Tasks of users in a real Helix, each in at most three actions: helix_tasks_test.py FOVEA HX"""

import re

from helix_harness import FILES, run_all, test


def with_cookies(work):
    """Writes a file that is never opened, and that signs cookies without using that word."""
    (work / "tools" / "sealing.py").write_text(
        "import hashlib\nimport hmac\n\n\ndef seal(payload, key):\n"
        '    """Protects the session cookie against tampering with a keyed digest."""\n'
        "    digest = hmac.new(key, payload, hashlib.sha256).hexdigest()\n    return payload + digest\n"
    )


def where_are_cookies_signed(helix):
    actions = []

    # First action: type the words into the symbol picker. It is repeated only while the folder is not indexed yet.
    def ask():
        helix.escape()
        helix.escape()
        helix.type(" S")
        helix.type("where are session cookies signed")
        actions[:] = ["space S"]

    ask()
    helix.until("the function on top", lambda screen: re.search(r"> .*\bseal\b.*sealing\.py", screen), ask)
    # Second action: accept the best answer, which is selected.
    helix.keys("Enter")
    actions.append("Enter")
    helix.until("the file", lambda screen: re.search(r"NOR\s.*sealing\.py", screen))
    helix.until("the cursor on the name", lambda _: helix.text_at_cursor().startswith("seal("))
    assert len(actions) <= 3, actions


def tests():
    test("where are cookies signed?", where_are_cookies_signed, files=FILES[:1], prepare=with_cookies)


if __name__ == "__main__":
    run_all(tests)
