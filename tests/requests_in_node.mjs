// Why the page refuses each of the requests on standard input, or null, for tests/test_web_requests.py to hold against the server.
import { text } from "node:stream/consumers";
import { argv, stdin, stdout } from "node:process";

const { readSources, readTable } = await import(argv[2]);

const READERS = { readSources, readTable };
const NUMBERS = { "@nan": NaN, "@inf": Infinity, "@-inf": -Infinity }; // which JSON cannot hold

function refusal({ reader, request, model }) {
  try {
    READERS[reader](request, model);
    return null;
  } catch (error) {
    return error.message;
  }
}

const tasks = JSON.parse(await text(stdin), (_, value) => NUMBERS[value] ?? value);
stdout.write(JSON.stringify(tasks.map(refusal)));
