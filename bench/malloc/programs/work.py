"""Objects as Python programs make them: JSON, dictionaries, strings, lists. The argument: how often."""
import json
import sys


def records(count):
    return [{"key": n, "name": "n" * (n % 90), "tags": [str(n * k) for k in range(n % 12)]} for n in range(count)]


def words(count):
    seen = {}
    for n in range(count):
        seen.setdefault(f"{n * 7919 % 50021:x}", []).append(n)
    return sorted(seen.items())


total = 0
for turn in range(int(sys.argv[1])):
    data = json.loads(json.dumps(records(20000)))
    total += sum(len(record["tags"]) for record in data)
    total += sum(len(found) for _, found in words(200000))
print(total)
