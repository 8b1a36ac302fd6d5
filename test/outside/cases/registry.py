"""How cases are declared, and the list of them."""
from cloud import refused

CASES = []  # (name, rule, function of a Cloud)
LEGACY = "AWS.SimpleQueueService."


def case(name):
    """Declares a case; the rule is the function's docstring."""
    def declare(function):
        CASES.append((name, " ".join(function.__doc__.split()), function))
    return declare


def refusals(*rows):
    """Cases that are one refused call each: (name, rule, code, HTTP status, call)."""
    for name, rule, code, status, call in rows:
        CASES.append((name, rule, lambda c, code=code, status=status, call=call: refused(code, call, c, status=status)))
