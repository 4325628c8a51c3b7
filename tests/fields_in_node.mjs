// What the page's fields make of the values on standard input, for tests/test_web_fields.py to hold against the Python fields.
import { text } from "node:stream/consumers";
import { argv, stdin, stdout } from "node:process";

const { Fields } = await import(argv[2]);

function answer({ state, sources, targets }) {
  const fields = new Fields(state);
  return { sources: sources.map((texts) => ofSource(fields, texts)), targets: targets.map((target) => ofTarget(fields, target)) };
}

const LIMITS = [1, 4, 9, 40];

function ofSource(fields, texts) {
  const [copied, extra] = fields.copyIds(texts);
  const prefix = fields.encodeTarget(texts[0], extra);
  return {
    ids: fields.source.encode(texts),
    symbols: fields.source.split(texts),
    unknown: fields.source.unknown(texts),
    copied,
    extra,
    kept: LIMITS.flatMap((limit) => ["begin", "end"].map((keep) => fields.kept(fields.source.encode(texts), limit, keep))),
    left: fields.withoutCutAway(prefix, copied.slice(0, 3)),
    prefix,
    shown: fields.target.decode(prefix, extra),
  };
}

function ofTarget(fields, target) {
  const ids = fields.target.encode(target);
  return { ids, text: fields.target.decode(ids), backwards: fields.target.decode([...ids].reverse()) };
}

stdout.write(JSON.stringify(JSON.parse(await text(stdin)).map(answer)));
