/**
 * `npm test [-- vitest arguments]`: everything on a machine with nothing but Node, npm and a Chromium.
 * The last line is `N passed, N failed`, alone.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { prepare } from './prepare.mjs';

prepare();
const args = process.argv.slice(2);
const wantsBrowser = args.length === 0 || args.some((arg) => arg.includes('browser') || arg === 'wide');
const env = { ...process.env };
if (wantsBrowser && existsSync('test/browser')) {
  env.CHROME_PATH = findChromium() ?? stop(whereToGetChromium());
  await buildUi();
}

const directory = mkdtempSync(join(tmpdir(), 'trubka-report-'));
const report = join(directory, 'report.json');
const vitest = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const code = await run(process.execPath, [...vitest, ...args], env);
const { passed, failed, said } = outcomeOf(report, code);
for (const line of said) console.log(line);
rmSync(directory, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || code !== 0 ? 1 : 0;

/** What went wrong and where, without the rest of the trace. */
function firstLines(message) {
  const lines = stripVTControlCharacters(message).split('\n');
  const place = lines.find((line) => /test\/.*:\d+:\d+/.test(line));
  const said = lines.slice(0, 4).filter((line) => !/^\s+at /.test(line));
  return [...said, ...(place ? [place] : [])].map((line) => `  ${line.slice(0, 300)}`);
}

/**
 * What there is to say last of all, where perhaps only the end of a log is kept: each failure, and how each of its tries went.
 * A file that could not even be loaded, and a fault outside of any test, count as a failure each.
 */
function outcomeOf(file, exitCode) {
  if (!existsSync(file)) return { passed: 0, failed: 1, said: [] };
  const { numPassedTests, testResults } = JSON.parse(readFileSync(file, 'utf8'));
  const failures = testResults.flatMap(({ name, message, status, assertionResults }) => {
    const tests = assertionResults.filter((one) => one.status === 'failed');
    if (status === 'failed' && tests.length === 0) return [{ what: name, messages: [message ?? ''] }];
    return tests.map(({ fullName, failureMessages }) => ({ what: `${name} > ${fullName}`, messages: failureMessages ?? [] }));
  });
  return {
    passed: numPassedTests,
    failed: failures.length === 0 && exitCode !== 0 ? 1 : failures.length,
    said: failures.flatMap(({ what, messages }) => [`FAILED ${what}`, ...messages.flatMap(firstLines)]),
  };
}

function run(command, commandArgs, environment) {
  return new Promise((resolve) => {
    const child = spawn(command, commandArgs, { stdio: ['ignore', 'inherit', 'inherit'], env: environment });
    child.once('error', () => resolve(1));
    child.once('close', (exitCode) => resolve(exitCode ?? 1));
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  });
}

function findChromium() {
  const given = process.env.CHROME_PATH;
  if (given) return existsSync(given) ? given : stop(`CHROME_PATH names ${given}, which does not exist`);
  const names = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
  const fixed = [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ];
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/bin', '/snap/bin'];
  return [...directories.flatMap((dir) => names.map((name) => join(dir, name))), ...fixed].find((path) => existsSync(path));
}

function whereToGetChromium() {
  return [
    'The browser tests need Chromium or Chrome, and none was found on the PATH.',
    '  Debian, Ubuntu:  sudo apt-get install chromium      Fedora:  sudo dnf install chromium      macOS:  brew install --cask chromium',
    '  or set CHROME_PATH to one. Without the browser tests: npm test -- --project unit --project integration --project ui --project long',
  ].join('\n');
}

async function buildUi() {
  const { register } = await import('tsx/esm/api');
  const unregister = register();
  const { ensureUi } = await import('./ui-build.ts');
  await ensureUi(process.cwd());
  await unregister();
}

function stop(sentence) {
  console.error(sentence);
  console.log('0 passed, 1 failed');
  process.exit(1);
}
