import { applyCommand } from '../commands/apply.ts'
import { planCommand } from '../commands/plan.ts'
import { removeCommand } from '../commands/remove.ts'
import { statusCommand } from '../commands/status.ts'
import { joinLists, type Verbs } from './verb.ts'

/** The verbs of a real server. Those that plan and apply start without are imported when they are called. */
export function addRealServerVerbs(verbs: Verbs): void {
  addConvergingVerbs(verbs)
  addRotationVerbs(verbs)
  addProvingVerbs(verbs)
}

function addRotationVerbs({ add, invocation, run }: Verbs): void {
  add(
    'run',
    'stay what the configuration says, and put right whatever changes; SIGHUP reads the configuration again',
  ).action(() => run(async () => (await import('../commands/run.ts')).runCommand(invocation())))
  add('drain', 'take this host out of rotation, with what its clients have begun served to its end')
    .option('--limit <seconds>', 'wait no longer', '300')
    .option('--quiet <seconds>', 'nobody was there for so long: more than the director takes to notice', '10')
    .option('--unbind', 'then unbind the VIPs, too', false)
    .option('--no-wait', 'do not wait')
    .action(options =>
      run(async () => (await import('../commands/drain.ts')).drainCommand(invocation(), options)),
    )
  add('undrain', 'prove that this host is fit to serve, and take it back into rotation').action(() =>
    run(async () => (await import('../commands/drain.ts')).undrainCommand(invocation())),
  )
}

function addConvergingVerbs({ add, invocation, run }: Verbs): void {
  add('plan', 'print what apply would change')
    .option('--diff', 'print new files too, line by line', false)
    .action(options => run(() => planCommand(invocation(), options)))
  add('apply', 'make this host the configured real server')
    .option('--dry-run', 'change nothing, as plan', false)
    .action(options => run(() => applyCommand(invocation(), options)))
  add('status', 'print what is bound and silent, and the last apply').action(() =>
    run(() => statusCommand(invocation())),
  )
  add('remove', 'take the role off this host, prior values restored')
    .option('--purge', 'take off the packages that apply installed, too', false)
    .action(options => run(() => removeCommand(invocation(), options)))
}

function addProvingVerbs({ add, invocation, run }: Verbs): void {
  add('verify', 'prove that this host is a correct real server')
    .option('--only <ids>', 'make these checks alone, with commas between them', joinLists)
    .option('--skip <ids>', 'leave these checks out', joinLists)
    .option('--offline', 'put no frame on the wire', false)
    .action(options =>
      run(async () => (await import('../commands/verify.ts')).verifyCommand(invocation(), options)),
    )
  add('explain', 'tell what a check means, why it fails, and how to mend it')
    .argument('[id]', 'a check; without it, what the last verify found wrong')
    .action(id => run(async () => (await import('../commands/explain.ts')).explainCommand(invocation(), id)))
  add('probe', 'ask the segment who answers for an address')
    .argument('<vip>', 'the address to ask about')
    .option('--target <rip>', 'ask this one host alone, by unicast')
    .option('--interface <nic>', 'ask on this NIC')
    .option('--director <addresses>', 'who may answer, with commas between them; default: the configuration')
    .action((vip, options) =>
      run(async () => (await import('../commands/probe.ts')).probeCommand(invocation(), vip, options)),
    )
}
