"""What benches take and hand on: --quick, --json FILE, and in that file a list
of {name, ours, peer, unit, ratio, better}. ratio is ours/peer where more is
better, peer/ours else: 2.0 means twice as good. Where nobody else does the
same, peer is the bound that is to be kept."""
import argparse
import json


def parser(doc):
    made = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawTextHelpFormatter)
    made.add_argument("--quick", action="store_true")
    made.add_argument("--json", metavar="FILE")
    return made


def row(name, ours, peer, unit, better):
    ratio = None
    if peer is not None:
        ratio = ours / max(peer, 1e-9) if better == "higher" else \
            peer / max(ours, 1e-9)
    return {"name": name, "ours": ours, "peer": peer, "unit": unit,
            "ratio": ratio, "better": better}


def write(path, rows):
    if path is None:
        return
    with open(path, "w", encoding="utf-8") as f:
        json.dump(rows, f, indent=1)
        f.write("\n")
