"""What was checked, one line each, and what came of it."""
import sys
import threading
import time
import traceback

from guest import StageError


class Report:
    """Counts checks. After the guest is gone nothing more can be checked, and that is a failure of each that is left."""

    _out = threading.Lock()

    def __init__(self, name="", quiet=False):
        self.name, self.quiet = name, quiet
        self.passed, self.failures = 0, []
        self.gone = None

    def check(self, sentence, body):
        """Runs `body`; what it throws is the failure."""
        began = time.monotonic()
        problem = self.gone
        if not problem:
            try:
                body()
            except StageError as error:
                problem = str(error)
                if "guest ended" in problem:
                    self.gone = problem
            except AssertionError as error:
                problem = str(error) or traceback.extract_tb(sys.exc_info()[2])[-1].line
            except Exception as error:  # a check that can't be made has failed
                problem = f"{type(error).__name__}: {error}"
        if problem:
            self.failures.append((sentence, problem))
        else:
            self.passed += 1
        if not self.quiet:
            with self._out:
                print(f"{'FAILED' if problem else 'passed'}  {sentence} ({time.monotonic() - began:.1f} s)"
                      + (f"\n        {problem}" if problem else ""), flush=True)
