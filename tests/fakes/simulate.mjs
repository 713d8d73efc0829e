// Evaluates the requests on its standard input with iam-simulate; see simulated.py.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const verdicts = []
for (const simulation of JSON.parse(readFileSync(0, 'utf8'))) {
  const result = await runSimulation(simulation, {})
  const { action, resource } = simulation.request
  if (result.resultType === 'error' || result.errors) {
    verdicts.push({ errors: result.errors, action, resource, context: simulation.request.contextVariables })
    continue
  }
  const analysis = result.result?.analysis ?? result.analysis ?? result.results[0].analysis
  const levels = analysis.scpAnalysis.ouAnalysis
  const by = levels.flatMap((level) => level.denyStatements.map((denied) => JSON.parse(JSON.stringify(denied.statement)).Sid))
  verdicts.push({ verdict: result.overallResult, by: by.sort() })
}
console.log(JSON.stringify(verdicts))
