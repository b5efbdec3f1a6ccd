import type { Readable } from 'node:stream'

interface Speaker extends Promise<{ exitCode?: number; stderr?: unknown; escapedCommand: string }> {
  readonly stdout: Readable
}

/** Waits for the first line that a process prints, its sign that it is ready. An end before that is an error. */
export function firstLine(subprocess: Speaker): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = ''
    subprocess.stdout.on('data', function listen(chunk: Buffer) {
      heard += chunk.toString()
      const end = heard.indexOf('\n')
      if (end < 0) return
      subprocess.stdout.off('data', listen)
      resolve(heard.slice(0, end))
    })
    void subprocess.then(({ exitCode, stderr, escapedCommand }) => {
      reject(new Error(`ended before it was ready: ${escapedCommand}: exit code ${exitCode}: ${stderr}`))
    }, reject)
  })
}
