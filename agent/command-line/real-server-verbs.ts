import { applyCommand } from '../commands/apply.ts'
import { planCommand } from '../commands/plan.ts'
import { removeCommand } from '../commands/remove.ts'
import { statusCommand } from '../commands/status.ts'
import { joinLists, type Verbs } from './verb.ts'

/** The verbs of a real server. Those that plan and apply start without are imported when they are called. */
export function addRealServerVerbs(verbs: Verbs): void {
  addConvergingVerbs(verbs)
  addProvingVerbs(verbs)
}

function addConvergingVerbs({ add, invocation, run }: Verbs): void {
  add('plan', 'print what apply would change').action(() => run(() => planCommand(invocation())))
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
