import { applyCommand } from '../commands/apply.ts'
import { planCommand } from '../commands/plan.ts'
import { removeCommand } from '../commands/remove.ts'
import { statusCommand } from '../commands/status.ts'
import { examples, joinLists, type Verbs } from './verb.ts'

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
  )
    .addHelpText(
      'after',
      examples(
        ['rs-agent run', 'in the foreground, with a line for each repair'],
        ['rs-agent run --json', 'a document on each line, for a log'],
        ['systemctl reload rs-agent', 'have the service read the configuration again'],
      ),
    )
    .action(() => run(async () => (await import('../commands/run.ts')).runCommand(invocation())))
  add('drain', 'take this host out of rotation, with what its clients have begun served to its end')
    .option('--limit <seconds>', 'wait no longer', '300')
    .option('--quiet <seconds>', 'nobody was there for so long: more than the director takes to notice', '10')
    .option('--unbind', 'then unbind the VIPs, too', false)
    .option('--no-wait', 'do not wait')
    .addHelpText(
      'after',
      examples(
        ['rs-agent drain', 'before you work on this host'],
        ['rs-agent drain --limit 60 --unbind', 'for a longer time: no VIP is left'],
      ),
    )
    .action(options =>
      run(async () => (await import('../commands/drain.ts')).drainCommand(invocation(), options)),
    )
  add('undrain', 'prove that this host is fit to serve, and take it back into rotation')
    .addHelpText('after', examples(['rs-agent undrain', 'after the work']))
    .action(() => run(async () => (await import('../commands/drain.ts')).undrainCommand(invocation())))
}

function addConvergingVerbs({ add, invocation, run }: Verbs): void {
  add('plan', 'print what apply would change')
    .option('--diff', 'print new files too, line by line', false)
    .addHelpText(
      'after',
      examples(
        ['rs-agent plan', 'exit status 0: nothing to do, 2: changes pending'],
        ['rs-agent plan --diff', 'new files, line by line, too'],
        ["rs-agent plan --json | jq -r '.changes[].subject'", 'for scripts'],
      ),
    )
    .action(options => run(() => planCommand(invocation(), options)))
  add('apply', 'make this host the configured real server')
    .option('--dry-run', 'change nothing, as plan', false)
    .addHelpText(
      'after',
      examples(
        ['rs-agent apply', 'all of it, or nothing'],
        ['rs-agent apply --json', 'for scripts: converged, changed and changes'],
        ['rs-agent --root /mnt/image apply', 'the files of an image, the network of this host'],
      ),
    )
    .action(options => run(() => applyCommand(invocation(), options)))
  add('status', 'print what is bound and silent, and the last apply')
    .addHelpText('after', examples(['rs-agent status', 'exit status 0: as configured, 2: not']))
    .action(() => run(() => statusCommand(invocation())))
  add('remove', 'take the role off this host, prior values restored')
    .option('--purge', 'take off the packages that apply installed, too', false)
    .addHelpText(
      'after',
      examples(
        ['rs-agent remove', 'needs no configuration'],
        ['rs-agent remove --purge', 'without the packages that apply installed'],
      ),
    )
    .action(options => run(() => removeCommand(invocation(), options)))
}

function addProvingVerbs({ add, invocation, run }: Verbs): void {
  add('verify', 'prove that this host is a correct real server')
    .option('--only <ids>', 'make these checks alone, with commas between them', joinLists)
    .option('--skip <ids>', 'leave these checks out', joinLists)
    .option('--offline', 'put no frame on the wire', false)
    .addHelpText(
      'after',
      examples(
        ['rs-agent verify', 'every check'],
        ['rs-agent verify --only arp-silence,vip-owner', 'two of them'],
        ['rs-agent verify --offline', 'what can be proved without a frame on the wire'],
      ),
    )
    .action(options =>
      run(async () => (await import('../commands/verify.ts')).verifyCommand(invocation(), options)),
    )
  add('explain', 'tell what a check means, why it fails, and how to mend it')
    .argument('[id]', 'a check; without it, what the last verify found wrong')
    .addHelpText(
      'after',
      examples(
        ['rs-agent explain', 'what the last verify found wrong'],
        ['rs-agent explain arp-silence', 'what this check means, and what mends it'],
      ),
    )
    .action(id => run(async () => (await import('../commands/explain.ts')).explainCommand(invocation(), id)))
  add('probe', 'ask the segment who answers for an address')
    .argument('<vip>', 'the address to ask about')
    .option('--target <rip>', 'ask this one host alone, by unicast')
    .option('--interface <nic>', 'ask on this NIC')
    .option('--director <addresses>', 'who may answer, with commas between them; default: the configuration')
    .addHelpText(
      'after',
      examples(
        ['rs-agent probe 10.10.10.100', 'everybody on the segment'],
        ['rs-agent probe 10.10.10.100 --target 10.10.10.12', 'one real server, which must be silent'],
      ),
    )
    .action((vip, options) =>
      run(async () => (await import('../commands/probe.ts')).probeCommand(invocation(), vip, options)),
    )
}
