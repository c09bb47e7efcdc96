// A job's work as a function of step-function-worker, which polls once for each place, and reports.
//
// function_worker.js STEP_FUNCTIONS_URL LIVY_URL ACTIVITY_ARN PLACES HEARTBEAT_SECONDS
const { Agent } = require('node:http');
const { setTimeout: pause } = require('node:timers/promises');
const StepFunctionWorker = require('step-function-worker');

const [endpoint, livy, activityArn] = process.argv.slice(2, 5);
const [places, interval] = process.argv.slice(5).map(Number);

async function call(method, path, body) {
  const headers = { 'Content-Type': 'application/json', 'X-Requested-By': 'function-worker' };
  const answer = await fetch(livy + path, { method, headers, body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status}`);
  return answer.json();
}

async function job({ File, Name, Args = [] }, heartbeat) {
  let batch = await call('POST', '/batches', { file: File, name: Name, args: Args });
  const beat = setInterval(heartbeat, interval * 1000);
  try {
    while (!['success', 'dead', 'killed', 'error'].includes(batch.state)) {
      await pause(1000);
      batch = await call('GET', `/batches/${batch.id}`);
    }
  } finally {
    clearInterval(beat);
  }
  if (batch.state !== 'success') throw new Error(batch.state);
  return { applicationId: batch.appId, batchId: batch.id };
}

const worker = new StepFunctionWorker({
  activityArn,
  workerName: 'function-worker',
  concurrency: places,
  // Every place holds a poll and reports beside it; the SDK alone has 50 connections for all of them.
  awsConfig: { endpoint, httpOptions: { agent: new Agent({ keepAlive: true, maxSockets: 2 * places }) } },
  fn: (input, done, heartbeat) => job(input, heartbeat).then((output) => done(null, output), done),
});
worker.on('error', console.error);
