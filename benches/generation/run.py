#!/usr/bin/env python3
"""Speed of a model that writes, compared with llama.cpp on the same file and the same number of threads.

    python3 benches/generation/run.py FOVEA NODE_MODULES MODEL.gguf…

NODE_MODULES is a folder in which `npm install node-llama-cpp@3.21.1` ran; its prebuilt llama.cpp is measured. Both read texts of 256 and of 1024
tokens and write after them; the rounds alternate, and the table has medians. Fovea keeps every attention map of the text, llama.cpp has
none. Run it on an idle machine.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

PEER = """
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";
const [modules, model, threads, lengths] = process.argv.slice(2);
const entry = createRequire(modules + "/").resolve("node-llama-cpp");
const {getLlama} = await import(pathToFileURL(entry));
const llama = await getLlama({gpu: false, build: "never", logLevel: "error"});
const loaded = await llama.loadModel({modelPath: model});
const context = await loaded.createContext({contextSize: 2048, batchSize: 2048, threads: Number(threads)});
const results = {};
for (const length of lengths.split(",").map(Number)) {
  // The same word pieces as `fovea bench`: spread over the vocabulary.
  const size = loaded.fileInfo.metadata.tokenizer.ggml.tokens.length;
  const text = Array.from({length}, (_, i) => (1000 + i * 7919) % size);
  const rounds = [];
  for (let round = 0; round < 4; round++) {
    const sequence = context.getSequence();
    const start = performance.now();
    const times = [];
    for await (const token of sequence.evaluate(text, {temperature: 0, yieldEogToken: true})) {
      times.push(performance.now());
      if (times.length > 32) break;
    }
    const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
    rounds.push({read: times[0] - start, write: gaps[gaps.length >> 1]});
    sequence.dispose();
  }
  // The first round warms up.
  const median = (key) => rounds.slice(1).map((round) => round[key]).sort((a, b) => a - b)[1];
  results[length] = {read: median("read"), write: median("write")};
}
console.log(JSON.stringify(results));
process.exit(0);
"""
LENGTHS = [256, 1024]
THREADS = 2


def peak(command, **options):
    """Output of a command, and its largest resident memory in MB."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options) as process:
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[0]} failed")
    return output, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fovea")
    parser.add_argument("modules", type=pathlib.Path)
    parser.add_argument("models", nargs="+")
    parser.add_argument("--node", default="node")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print("| file | tokens | Fovea reads, with trace | llama.cpp reads | ratio | Fovea writes | llama.cpp writes | ratio | MB | MB llama.cpp |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.NamedTemporaryFile("w", suffix=".mjs") as script:
        script.write(PEER)
        script.flush()
        for model in arguments.models:
            rounds = []
            for _ in range(arguments.rounds):
                shapes = ",".join(f"1x{length}" for length in LENGTHS)
                own, own_memory = peak([arguments.fovea, "bench", "--json", "--threads", str(THREADS), "--shapes", shapes, "--model", model])
                own = {row["length"]: row for row in json.loads(own)["results"]}
                lengths = ",".join(map(str, LENGTHS))
                peer, peer_memory = peak([arguments.node, script.name, str(arguments.modules.resolve()), model, str(THREADS), lengths])
                rounds.append((own, own_memory, json.loads(peer), peer_memory))
            for length in LENGTHS:
                read = statistics.median(own[length]["attention_ms"] for own, *_ in rounds)
                write = statistics.median(own[length].get("write_ms", float("nan")) for own, *_ in rounds)
                peer_read = statistics.median(peer[str(length)]["read"] for *_, peer, _ in rounds)
                peer_write = statistics.median(peer[str(length)]["write"] for *_, peer, _ in rounds)
                memory = [statistics.median(each) for each in zip(*((own_memory, peer_memory) for _, own_memory, _, peer_memory in rounds))]
                print(f"| {pathlib.Path(model).name} | {length} | {length / read * 1e3:.0f}/s | {length / peer_read * 1e3:.0f}/s | {peer_read / read:.2f} "
                      f"| {1e3 / write:.0f}/s | {1e3 / peer_write:.0f}/s | {peer_write / write:.2f} | {memory[0]:.0f} | {memory[1]:.0f} |")


if __name__ == "__main__":
    main()
