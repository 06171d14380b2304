/** Prints the one closing line that a machine reads, `N passed, N failed`, after everything else. */
export default class ClosingLineReporter {
  onRunComplete(_contexts, results) {
    const crashed = results.testResults.filter((file) => file.testExecError).length;
    const skipped = results.numPendingTests + results.numTodoTests;
    const line = `${results.numPassedTests} passed, ${results.numFailedTests + crashed} failed`;
    process.once('exit', () =>
      process.stdout.write(`${line}${skipped > 0 ? `, ${skipped} skipped` : ''}\n`),
    );
  }
}
