import { Argument, Option } from 'commander'
import { examples, joinLists, type Verbs } from './verb.ts'

/** The verbs of the first five minutes, before a configuration is there. Imported when they are called. */
export function addSetUpVerbs({ add, invocation, run }: Verbs): void {
  add('init', 'write a commented configuration, from answers, options, and what this host has already')
    .addOption(new Option('--role <role>', 'what this host shall be').choices(['real-server', 'director']))
    .option(
      '--vip <vips>',
      'VIPs with their ports, as 10.10.10.100:80/tcp, with commas between them',
      joinLists,
    )
    .option('--director <addresses>', 'of a real server: its directors', joinLists)
    .option('--real-server <addresses>', 'of a director: its real servers', joinLists)
    .option('--interface <nic>', 'of a director: the NIC of the VIPs')
    .option('--yes', 'ask nothing: what no option says is as it was found', false)
    .option('--force', 'replace a configuration that is there, with a copy kept', false)
    .addHelpText(
      'after',
      examples(
        ['rs-agent init', 'ask, with what was found as the answers to begin with'],
        ['rs-agent init --yes', 'take over the VIPs that are bound to lo already'],
        [
          'rs-agent init --role real-server --vip 10.10.10.100:80/tcp --director 10.10.10.11 --yes',
          'no question',
        ],
        [
          'rs-agent init --role director --vip 10.10.10.100:80/tcp --real-server 10.10.10.12,10.10.10.13 --yes',
          '',
        ],
      ),
    )
    .action(options =>
      run(async () => (await import('../commands/init.ts')).initCommand(invocation(), options)),
    )
  add('completion', 'print the completions of a shell')
    .addArgument(new Argument('<shell>', 'the shell that reads them').choices(['bash', 'zsh', 'fish']))
    .addHelpText(
      'after',
      examples(
        ['rs-agent completion bash >/etc/bash_completion.d/rs-agent', ''],
        ['rs-agent completion zsh >/usr/local/share/zsh/site-functions/_rs-agent', ''],
        ['rs-agent completion fish >/etc/fish/completions/rs-agent.fish', ''],
      ),
    )
    .action(shell =>
      run(async () => (await import('../commands/completion.ts')).completionCommand(invocation(), shell)),
    )
}
