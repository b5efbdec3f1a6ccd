import { examples, joinLists, type Verbs } from './verb.ts'

/** The verbs of a director. Imported when they are called, all of them: a real server starts without. */
export function addDirectorVerbs(verbs: Verbs): void {
  addConvergingVerbs(verbs)
  addRotationVerbs(verbs)
  addTableVerbs(verbs)
  addExchangeVerbs(verbs)
}

function addConvergingVerbs({ add, invocation, run }: Verbs): void {
  add('plan', 'print what director apply would change')
    .addHelpText(
      'after',
      examples(['rs-agent director plan', 'exit status 0: nothing to do, 2: changes pending']),
    )
    .action(() =>
      run(async () => (await import('../commands/director.ts')).directorPlanCommand(invocation())),
    )
  add('apply', 'make this host the configured director')
    .option('--dry-run', 'change nothing, as director plan', false)
    .addHelpText(
      'after',
      examples(
        ['rs-agent director apply', 'open connections stay'],
        ['rs-agent director apply --json', 'for scripts: converged, changed and changes'],
      ),
    )
    .action(options =>
      run(async () => (await import('../commands/director.ts')).directorApplyCommand(invocation(), options)),
    )
  add('verify', 'prove that this host is a correct director, and its real servers are behind it')
    .option('--only <ids>', 'make these checks alone, with commas between them', joinLists)
    .option('--skip <ids>', 'leave these checks out', joinLists)
    .option('--offline', 'put no frame on the wire', false)
    .addHelpText(
      'after',
      examples(
        ['rs-agent director verify', 'this host, and every real server behind it'],
        ['rs-agent director verify --only real-server-path', 'those that lost the VIP'],
      ),
    )
    .action(options =>
      run(async () => (await import('../commands/director.ts')).directorVerifyCommand(invocation(), options)),
    )
  add('remove', 'take the role off this host, prior values restored')
    .addHelpText('after', examples(['rs-agent director remove', 'needs no configuration']))
    .action(() =>
      run(async () => (await import('../commands/director.ts')).directorRemoveCommand(invocation())),
    )
}

function addRotationVerbs({ add, invocation, run }: Verbs): void {
  add(
    'run',
    'stay this director, with healthy real servers alone in rotation; SIGHUP reads the configuration again',
  )
    .addHelpText(
      'after',
      examples(
        ['rs-agent director run', 'a line for each change of the rotation'],
        ['rs-agent director run --json', 'a document on each line, for a log'],
      ),
    )
    .action(() =>
      run(async () => (await import('../commands/director-run.ts')).directorRunCommand(invocation())),
    )
  add('drain', 'give a real server no new connections, and wait until it has none')
    .argument('<rip>', 'the address of the real server')
    .option('--limit <seconds>', 'wait no longer', '300')
    .option('--no-wait', 'do not wait')
    .addHelpText(
      'after',
      examples(
        ['rs-agent director drain 10.10.10.12', 'exit status 0: no connection is left'],
        ['rs-agent director drain 10.10.10.12 --no-wait', ''],
      ),
    )
    .action((rip, options) =>
      run(async () =>
        (await import('../commands/director-drain.ts')).directorDrainCommand(invocation(), rip, options),
      ),
    )
  add('undrain', 'take a real server back into rotation')
    .argument('<rip>', 'the address of the real server')
    .addHelpText('after', examples(['rs-agent director undrain 10.10.10.12', 'as far as its checks pass']))
    .action(rip =>
      run(async () =>
        (await import('../commands/director-drain.ts')).directorUndrainCommand(invocation(), rip),
      ),
    )
}

function addTableVerbs({ add, invocation, run }: Verbs): void {
  add('status', 'print VIPs, services, real servers, what checks say, and the last apply')
    .option('--watch', 'print it anew every 2 s, until SIGINT', false)
    .addHelpText(
      'after',
      examples(
        ['rs-agent director status', 'exit status 0: as configured, 2: not'],
        ['rs-agent director status --watch', ''],
      ),
    )
    .action(options =>
      run(async () =>
        (await import('../commands/director-status.ts')).directorStatusCommand(invocation(), options),
      ),
    )
  add('stats', 'print what went through each service and real server; the kernel counts every 2 s')
    .addHelpText('after', examples(['rs-agent director stats', 'in all, and a second']))
    .action(() =>
      run(async () => (await import('../commands/director-tables.ts')).directorStatsCommand(invocation())),
    )
  add('connections', 'print the connections that the kernel remembers')
    .option('--vip <address>', 'to this VIP alone')
    .option('--real-server <address>', 'to this real server alone')
    .option('--client <address>', 'of this client alone')
    .option('--state <name>', 'in this state alone, such as ESTABLISHED')
    .option('--limit <count>', 'print no more than this many', '100')
    .addHelpText(
      'after',
      examples(['rs-agent director connections --real-server 10.10.10.12 --state ESTABLISHED', '']),
    )
    .action(options =>
      run(async () =>
        (await import('../commands/director-tables.ts')).directorConnectionsCommand(invocation(), options),
      ),
    )
}

/** What goes to other tools, and comes from them. */
function addExchangeVerbs({ add, invocation, run }: Verbs): void {
  add('save', 'print the table as rules for `ipvsadm -R`')
    .addHelpText('after', examples(['rs-agent director save >ipvs.rules', 'for another tool, or a record']))
    .action(() =>
      run(async () => (await import('../commands/director-tables.ts')).directorSaveCommand(invocation())),
    )
  add('import', "write our configuration from another tool's: ipvsadm, ldirectord or keepalived")
    .argument('<file>', 'rules of `ipvsadm -S`, ldirectord.cf or keepalived.conf; - is stdin')
    .option('--kind <kind>', 'ipvsadm, ldirectord or keepalived, when the content does not tell')
    .option('--interface <nic>', 'the NIC of the VIPs')
    .option('--check', "compare what the file means with the kernel's table instead", false)
    .addHelpText(
      'after',
      examples(
        ['rs-agent director import ldirectord.cf --interface eth0 >config.yaml', 'to read before it is used'],
        ['ipvsadm -S -n | rs-agent director import - --interface eth0', 'from the rules of the kernel'],
        ['rs-agent director import keepalived.conf --check', 'what is in the kernel, and what is not'],
      ),
    )
    .action((file, options) =>
      run(async () =>
        (await import('../commands/director-import.ts')).directorImportCommand(invocation(), file, options),
      ),
    )
}
