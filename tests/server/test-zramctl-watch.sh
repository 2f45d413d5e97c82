#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# nbdkit-zramctl watch: on a terminal, which another program emulates, it shows
# what fits, follows its size, and leaves it as it was; in a pipe it prints.

# shellcheck source=functions.sh.in
. ./functions.sh

requires nbdcopy --version
export NBDKIT_ZRAM_RUNDIR=$dir/run

# The first Python may have been installed without Debian's modules.
python=
for name in python3 /usr/bin/python3; do
  ! "$name" -c 'import pyte' 2>"$dir/error" || python=${python:-$name}
done
[ "$python" ] || skip 'it needs python3-pyte'

cat >"$dir/terminal.py" <<'END'
# watch on a terminal of 80x24: each step says what must happen to it.
import fcntl, os, pty, re, select, signal, struct, sys, termios, time
import pyte

zramctl, control, script = sys.argv[1:4]
options = sys.argv[4:]
LEAVE = b'\033[?25h\033[?1049l'

class Terminal:
    def __init__(self, lines=24, columns=80, **environment):
        self.screen = pyte.Screen(columns, lines)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b''
        ready, go = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.read(ready, 1)
            os.environ.update({'TERM': 'xterm', **environment})
            os.execv(zramctl, [zramctl, '-s', control, *options, 'watch'])
        self.before = termios.tcgetattr(self.fd)
        self.resize(lines, columns)
        os.write(go, b'.')

    def resize(self, lines, columns):
        self.screen.resize(lines, columns)
        self.raw = b''
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ,
                    struct.pack('HHHH', lines, columns, 0, 0))

    def read(self):
        if not select.select([self.fd], [], [], 0.05)[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:         # nobody has it any more
            return False
        self.raw += data
        self.stream.feed(data)
        return data != b''

    def text(self):
        return '\n'.join(line.rstrip() for line in self.screen.display)

    def wait(self, what, condition):
        end = time.monotonic() + 60
        while not condition():
            if time.monotonic() > end:
                sys.exit(f'waited in vain for {what}:\n{self.text()}\n'
                         f'{self.raw[-2000:]!r}')
            self.read()

    def wait_for(self, text):
        self.wait(text, lambda: text in self.text())

    # The lines of the last whole picture, as they were sent.
    def picture(self):
        pictures = self.raw.split(b'\033[H')[1:]
        if len(pictures) < 2:
            return None
        text = re.sub(rb'\033\[[0-9;?]*[A-Za-z]', b'', pictures[-2])
        return re.split(r'\r+\n', text.decode())

    def must_end(self, status):
        got = None
        end = time.monotonic() + 60
        while got is None:
            self.read()
            pid, how = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                got = os.waitstatus_to_exitcode(how)
            elif time.monotonic() > end:
                sys.exit('it does not end')
        while self.read():
            pass
        assert got == status, f'it ended with {got} and not {status}'
        self.must_be_restored()
        os.close(self.fd)

    def must_be_restored(self):
        assert termios.tcgetattr(self.fd) == self.before, 'modes are not restored'
        assert self.raw.count(LEAVE) == 1, self.raw[-200:]
        assert self.raw.endswith(LEAVE), self.raw[-200:]

def fits():
    terminal = Terminal()
    terminal.wait_for('<=2048')
    lines = terminal.screen.display
    assert lines[0].startswith('zram0  lz4  1M'), terminal.text()
    assert lines[2].startswith('Ratio'), terminal.text()
    assert lines[20].startswith('<=2048'), terminal.text()
    assert not lines[23].strip(), terminal.text()
    terminal.wait('a picture', terminal.picture)
    assert b'\033[?1049h' in terminal.raw and b'\033[1m' in terminal.raw
    assert termios.tcgetattr(terminal.fd) != terminal.before
    for lines, columns in (10, 40), (40, 132), (3, 200):
        terminal.resize(lines, columns)
        terminal.wait('a picture of the new size', terminal.picture)
        picture = terminal.picture()
        assert len(picture) <= lines, picture
        assert max(len(line) for line in picture) <= columns, picture
        assert terminal.screen.display[0].startswith('zram0  lz4'), picture
        if columns > 80 and lines > 24:
            assert max(len(line) for line in picture) > 80, picture
    os.write(terminal.fd, b'q')
    terminal.must_end(0)

def no_colour():
    terminal = Terminal(NO_COLOR='1')
    terminal.wait_for('Ratio')
    terminal.wait('a picture', terminal.picture)
    assert not re.search(rb'\033\[[0-9;]*m', terminal.raw), terminal.raw
    os.write(terminal.fd, b'q')
    terminal.must_end(0)

def signals():
    for ending in signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT:
        terminal = Terminal()
        terminal.wait_for('Ratio')
        os.kill(terminal.pid, ending)
        terminal.must_end(-ending)
    terminal = Terminal()
    terminal.wait_for('Ratio')
    os.write(terminal.fd, b'\003')
    terminal.must_end(-signal.SIGINT)

def stopped():
    terminal = Terminal()
    terminal.wait_for('Ratio')
    os.write(terminal.fd, b'\032')
    terminal.wait('it to stop', lambda: os.waitpid(
        terminal.pid, os.WUNTRACED | os.WNOHANG)[0])
    while terminal.read():
        pass
    terminal.must_be_restored()
    terminal.raw = b''
    terminal.screen.reset()
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.wait_for('Ratio')
    assert b'\033[?1049h' in terminal.raw
    os.write(terminal.fd, b'q')
    terminal.must_end(0)

def counted():
    Terminal().must_end(0)

def dumb():
    terminal = Terminal(TERM='dumb')
    end = time.monotonic() + 60
    while b'Ratio' not in terminal.raw and time.monotonic() < end:
        terminal.read()
    assert b'Ratio' in terminal.raw and b'\033' not in terminal.raw, terminal.raw
    os.kill(terminal.pid, signal.SIGTERM)
    os.waitpid(terminal.pid, 0)

def restarted():
    terminal = Terminal()
    terminal.wait_for('zram0  lz4  1M')
    print('shown', flush=True)
    terminal.wait_for('gone: ')
    assert 'Ratio' in terminal.text()
    print('gone', flush=True)
    terminal.wait_for('zram0  lz4  2M')
    terminal.wait('it not to be gone', lambda: 'gone' not in terminal.text())
    os.write(terminal.fd, b'q')
    terminal.must_end(0)

globals()[script]()
END

# on_terminal SCRIPT OPTION...
on_terminal ()
{
  "$python" "$dir/terminal.py" "$zramctl" "$control" "$@" || die "$1: see above"
}

start_nbdkit 1M "control=$control"
nbdcopy "$dir/terminal.py" "$uri"

on_terminal fits -i 0.1
on_terminal no_colour -i 0.1
on_terminal signals
on_terminal stopped -i 86400
on_terminal counted -i 0.1 -c 2
on_terminal dumb

# In a pipe: as many blocks as it is told, of text and nothing else.
"$zramctl" -s "$control" watch -i 0.1 --count 3 | tee "$dir/out" >/dev/null
[ "$(grep -c '^zram0  lz4  1M  ' "$dir/out")" -eq 3 ] || die "$(cat "$dir/out")"
! grep -q $'\033' "$dir/out" || die 'there are escape sequences in a pipe'
! grep -q '.\{81\}' "$dir/out" || die 'there are long lines in a pipe'

# What is in between is shown as a rate.  "zramctl" takes the first sample before
# it prints.
mkfifo "$dir/fifo"
"$zramctl" -s "$control" watch -i 1 >"$dir/fifo" &
servers+=("$!")
exec 3<"$dir/fifo"
while read -r line <&3 && [[ $line != Discards* ]]; do :; done
nbdcopy "$uri" "$dir/copy"
while read -r line <&3; do
  [[ ! $line =~ ^Reads\ +([0-9]+\.[0-9])\ +([0-9.]+) ]] ||
    [ "${BASH_REMATCH[1]}" = 0.0 ] || break
done
[[ $line = Reads* ]] || die 'no reads were shown'
exec 3<&-
wait_until is_gone "${servers[-1]}"     # it can write no more

# Several disks are an overview; one that is named is shown alone.
first=$control
start_nbdkit 3M "control=$dir/b"
"$zramctl" -s "$first" -s "$dir/b" watch -c 1 >"$dir/out"
grep -q '^NAME .* SERVER$' "$dir/out" || die "$(cat "$dir/out")"
grep -q '^zram0 .* control$' "$dir/out" || die "$(cat "$dir/out")"
grep -q '^zram0 .* b$' "$dir/out" || die "$(cat "$dir/out")"
"$zramctl" -s "$first" watch -c 1 zram0 >"$dir/out"
grep -q '^Ratio ' "$dir/out" || die "$(cat "$dir/out")"
"$zramctl" -s "$first" watch -c 1 zram7 >"$dir/out"
[ "$(cat "$dir/out")" = 'There is no disk.' ] || die "$(cat "$dir/out")"
"$zramctl" watch -c 1 >"$dir/out"
[ "$(cat "$dir/out")" = 'There is no disk.' ] || die "$(cat "$dir/out")"

# One that is found later is taken up.
mkdir "$dir/run"
"$zramctl" watch -i 0.1 >"$dir/out" &
servers+=("$!")
wait_until grep -q 'There is no disk' "$dir/out"
ln -s "$first" "$dir/run/late"
wait_until grep -q "^zram0  lz4  1M  $dir/run/late$" "$dir/out"
kill "${servers[-1]}"

# A server that ends, and comes back.
on_terminal restarted -i 0.1 >"$dir/progress" &
terminal=$!
wait_until grep -qx shown "$dir/progress"
stop_nbdkit "${servers[0]}"
wait_until grep -qx gone "$dir/progress"
start_nbdkit 2M "control=$control"
wait "$terminal" || die 'a server that came back was not taken up'

# What cannot be meant.
must_fail_usage ()
{
  must_fail "nbdkit-zramctl: $1
Try 'nbdkit-zramctl --help' for more information." "${@:2}"
}
for value in 0 -1 0.09 1e3 nan '' 86401 1x .; do
  must_fail_usage "watch: --interval: '$value' is no number of seconds from 0.1 \
to 86400" watch --interval="$value"
done
for value in 0 -1 '' 1.5 1000000000; do
  must_fail_usage "watch: --count: '$value' is no number from 1 to 999999999" \
    watch --count="$value"
done
must_fail_usage 'watch: unexpected argument: b' watch a b
must_fail_usage 'get: --interval means nothing to it' -i 1 get disksize
control=$dir/none
must_fail "nbdkit-zramctl: $control: No such file or directory" watch
