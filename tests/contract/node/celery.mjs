// A Celery client in Node: enqueues one mail by its task's name and prints the answer.
// usage: node celery.mjs REDIS_URL KWARGS
import { createRequire } from "node:module";

const require = createRequire(`${process.cwd()}/`);
const celery = require("celery-node");
const [redis, kwargs] = process.argv.slice(2);
const client = celery.createClient(redis, redis, "mail.normal");
const task = client.createTask("mailworker.send_email");
const result = task.applyAsync([], JSON.parse(kwargs));
let answer;
try {
  answer = { result: await result.get(20_000) };
} catch (error) {
  answer = { error: String(error.message ?? error) };
}
process.stdout.write(JSON.stringify(answer), () => process.exit(0));
