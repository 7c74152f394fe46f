package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"nightjar/internal/api"
	"nightjar/internal/api/datadir"
	"nightjar/internal/api/foldertar"
	"nightjar/internal/content"
	"nightjar/internal/jobs"
	"nightjar/internal/link"
	"nightjar/internal/node"
	"nightjar/internal/sites"
	"nightjar/keys"
	"nightjar/routing/wire"
	"nightjar/store"
	"nightjar/store/badgerstore"
	"nightjar/store/vault"
)

// Exit codes. They are a promise: scripts branch on them.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitNoNode      = 4
	exitInUse       = 5
	exitBadURI      = 6
	exitMalformed   = 7
	exitNoPeers     = 8
	exitTimeout     = 9
	exitExists      = 10
	exitLocked      = 11
	exitWiped       = 12
	exitVersion     = 13
	exitInterrupted = 130
)

// exitMeanings documents the codes, for help and for the test that all of them are used.
func exitMeanings() []struct {
	code    int
	meaning string
} {
	return []struct {
		code    int
		meaning string
	}{
		{exitOK, "success"},
		{exitFailure, "the command failed for a reason that has no code of its own"},
		{exitUsage, "the command was called wrongly: a flag, an argument, a value"},
		{exitNotFound, "the content, or the file in a folder, was not found"},
		{exitNoNode, "no node is running in the data directory"},
		{exitInUse, "the data directory or a port is in use"},
		{exitBadURI, "malformed URI, or a key of another network"},
		{exitMalformed, "what was found in the network is malformed"},
		{exitNoPeers, "the node has no peers, or knows too few other nodes to hide behind"},
		{exitTimeout, "time ran out"},
		{exitExists, "the output exists and --force was not given"},
		{exitLocked, "the store is locked with a passphrase, or the passphrase is wrong"},
		{exitWiped, "the key of the store was destroyed: nobody can open it again"},
		{exitVersion, "what is in the data directory was written by another version of the program"},
		{exitInterrupted, "interrupted, or cancelled by another command"},
	}
}

func newExitCodesTopic(*env) *cobra.Command {
	var b strings.Builder
	b.WriteString("Every command ends with one of these exit codes:\n\n")
	for _, m := range exitMeanings() {
		fmt.Fprintf(&b, "  %3d  %s\n", m.code, m.meaning)
	}
	return &cobra.Command{Use: "exit-codes", Short: "What exit codes mean", Long: b.String()}
}

// What is said of a store whose key is gone.
const (
	wipedText = "the key of the store was destroyed, and nobody can open it again"
	wipedHint = "delete the data directory to begin anew; a flash disk, a file system that copies what is written, or a backup may still have the key"
)

var (
	// errUsage reports a command that was called wrongly.
	errUsage = errors.New("usage")
	// errExists reports an output that would have to be replaced.
	errExists = errors.New("it exists already")
)

// usageError says what is wrong with a call, and which command's help to read.
type usageError struct {
	msg     error
	command string
}

func (e *usageError) Error() string   { return e.msg.Error() }
func (e *usageError) Unwrap() []error { return []error{errUsage, e.msg} }

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...), cmd.CommandPath()}
}

// outcome is what the program makes of an error: an exit code, and, where the error's own text is not for people, what
// to say instead. hint says what to do.
type outcome struct {
	err  error
	exit int
	say  string
	hint string
}

// outcomes is the table; the first line that fits an error counts.
func outcomes() []outcome {
	return append(storeOutcomes(), []outcome{
		{err: errUsage, exit: exitUsage},
		{err: errNoStore, exit: exitNotFound, hint: "a node makes one when it starts; see --data"},
		{err: errExists, exit: exitExists, hint: "choose another name with -o, or replace it with --force"},
		{err: node.ErrNoCircuit, exit: exitNoPeers, hint: "the node asks nobody before it can hide who asks; see: nightjar status"},
		{err: errKept, exit: exitFailure, hint: "start it with nightjar start; the same command then finds the job and follows it"},
		{err: errLost, exit: exitNotFound, hint: "whoever has the content can insert it again with nightjar put"},
		{err: errNotInsert, exit: exitBadURI, say: "the target must be an insert URI of an SSK or USK, or a KSK, and this one can only be read",
			hint: "the insert URI is the secret one that nightjar key generate made; a site's is used by nightjar site publish"},
		{err: content.ErrConflict, exit: exitExists, hint: "look at the other edition first; then give the command again to publish the next one"},
		{err: sites.ErrNoSite, exit: exitNotFound, say: "you have no site of this name", hint: "make one with nightjar site init; see: nightjar site list"},
		{err: sites.ErrName, exit: exitBadURI, hint: "a name is a part of the site's URI: 1 to 255 bytes without a slash, like blog"},
		{err: sites.ErrTaken, exit: exitExists, say: "you have a site of this name already", hint: "choose another name, or remove the other one with nightjar site remove"},
		{err: sites.ErrDamaged, exit: exitFailure, say: "what the node knows of this site is damaged", hint: "import the copy of its key that you have made"},
		{err: sites.ErrSealed, exit: exitFailure, say: "this is no exported site, or the passphrase is wrong"},
		{err: jobs.ErrNoJob, exit: exitNotFound, say: "there is no such job", hint: "see: nightjar queue"},
		{err: jobs.ErrState, exit: exitFailure, say: "the job is not in a state in which this can be done", hint: "see: nightjar queue"},
		{err: jobs.ErrTarget, exit: exitExists, hint: "choose another name with -o, or replace what is there with --force"},
		{err: jobs.ErrDiskFull, exit: exitFailure, say: "the disk is full", hint: "the job goes on by itself when there is room again"},
		{err: jobs.ErrChanged, exit: exitFailure, hint: "nothing was published; give the command again when the file is complete"},
		{err: content.ErrChanged, exit: exitFailure, hint: "nothing was published; give the command again when the file is complete"},
		{err: jobs.ErrQueueFull, exit: exitFailure, say: "the queue is full", hint: "wait until jobs are done, or cancel some; see: nightjar queue"},
		{err: jobs.ErrDamaged, exit: exitFailure, say: "what the node knew of this job is damaged", hint: "make it again"},
		{err: content.ErrVerifyOnly, exit: exitBadURI, say: "this is a verify capability: it can keep content alive and not read it", hint: "see: nightjar keep --help"},
		{err: jobs.ErrTimeout, exit: exitTimeout, say: "time ran out", hint: "try again later, or allow more time with --timeout"},
		{err: context.DeadlineExceeded, exit: exitTimeout, say: "time ran out"},
		{err: context.Canceled, exit: exitInterrupted, say: "interrupted"},
		{err: jobs.ErrCancelled, exit: exitInterrupted, say: "cancelled"},
		{err: jobs.ErrClosed, exit: exitFailure, say: "the node is being stopped"},
		{err: node.ErrStopped, exit: exitFailure, say: "the node is being stopped"},
		{err: jobs.ErrBusy, exit: exitFailure, say: "the node is busy with as many jobs as it takes", hint: "wait until one is done"},
		{err: api.ErrNotRunning, exit: exitNoNode, hint: "start one with: nightjar start"},
		{err: api.ErrDropped, exit: exitFailure, hint: "the node may have been stopped or killed; see: nightjar status"},
		{err: vault.ErrVersion, exit: exitVersion, say: "the queue and the keys of your sites were written by another version of this program; nothing was changed",
			hint: "run the version that wrote them, or start with a directory of its own with --data"},
		{err: vault.ErrInUse, exit: exitInUse, say: "the queue and the keys of your sites are in use by another node", hint: "stop that node with nightjar stop, or give this one a directory of its own with --data"},
		{err: vault.ErrFull, exit: exitFailure, say: "the disk has too little room for the queue and the keys of your sites", hint: "make room on the disk of the data directory"},
		{err: badgerstore.ErrInUse, exit: exitInUse, say: "the data directory is in use by another node", hint: "stop that node with nightjar stop, or give this one a directory of its own with --data"},
		{err: syscall.EADDRINUSE, exit: exitInUse, hint: "another program has this port; choose another one with --fproxy or --listen"},
		{err: keys.ErrHyphanetKey, exit: exitBadURI, hint: "open it with Hyphanet: the two networks do not share content"},
		{err: keys.ErrBadURI, exit: exitBadURI, hint: "a URI looks like CHK@…,…,…/name; quote it, so that the shell leaves it as it is"},
		{err: wire.ErrBadDescriptor, exit: exitUsage, say: "this is no node reference", hint: "a reference is one line that begins with " + wire.RefPrefix + "; get a node's own with: nightjar peer ref"},
		{err: content.ErrNoEntry, exit: exitNotFound, say: "the folder has no such file"},
		{err: content.ErrNotFound, exit: exitNotFound, say: "not found in the network", hint: "check that the URI is complete; if it is, try again later"},
		{err: content.ErrMalformed, exit: exitMalformed, say: "what was found there is malformed and was thrown away"},
		{err: keys.ErrWrongKey, exit: exitMalformed, say: "what was found there does not open under this key"},
		{err: content.ErrTooMany, exit: exitFailure, hint: "its author may have named more than there is; if you want all of it kept, allow more with --max-blocks"},
		{err: content.ErrTooLarge, exit: exitFailure, say: "the content is larger than allowed"},
		{err: node.ErrNoPeers, exit: exitNoPeers, say: "the node has no peers", hint: "add one with: nightjar peer add REF"},
		{err: node.ErrNoAnswer, exit: exitFailure, say: "the network did not answer", hint: "what you want may exist: try again later"},
		{err: node.ErrNotStored, exit: exitFailure, say: "the network did not accept the content", hint: "try again later"},
		{err: store.ErrFull, exit: exitFailure, say: "the store is full, or the disk is"},
		{err: link.ErrAuth, exit: exitFailure, say: "another node answers at that address", hint: "ask for the node's present reference"},
		{err: datadir.ErrIdentity, exit: exitFailure},
		{err: foldertar.ErrName, exit: exitFailure, hint: "fetch the folder as a tar stream with -o -, or look at it in the browser"},
		{err: fs.ErrPermission, exit: exitFailure, hint: "check who owns the file and its directory"},
	}...)
}

// storeOutcomes are those of the key of the store.
func storeOutcomes() []outcome {
	return []outcome{
		{err: api.ErrLocked, exit: exitLocked, say: "the store is locked, or just being opened", hint: "unlock it with: nightjar store unlock"},
		{err: badgerstore.ErrLocked, exit: exitLocked, say: "the store is locked with a passphrase", hint: "name a file that holds it with --passphrase-file"},
		{err: api.ErrPassphrase, exit: exitLocked, say: "the passphrase is wrong"},
		{err: badgerstore.ErrPassphrase, exit: exitLocked, say: "the passphrase is wrong"},
		{err: api.ErrNoPassphrase, exit: exitFailure, say: "the store has no passphrase", hint: "set one with: nightjar store passwd"},
		{err: badgerstore.ErrNoPassphrase, exit: exitFailure, say: "the store has no passphrase", hint: "set one with nightjar store passwd, or leave --passphrase-file out"},
		{err: api.ErrWiped, exit: exitWiped, say: wipedText, hint: wipedHint},
		{err: badgerstore.ErrWiped, exit: exitWiped, say: wipedText, hint: wipedHint},
		{err: badgerstore.ErrLater, exit: exitFailure, say: "a later version of Nightjar has written this store", hint: "use that version, or another directory with --data"},
	}
}

// judge finds what to make of an error.
func judge(err error) outcome {
	for _, o := range outcomes() {
		if errors.Is(err, o.err) {
			return o
		}
	}
	return outcome{err: err, exit: exitFailure}
}

// exitCodeOf maps an error to the exit code.
func exitCodeOf(err error) int {
	if err == nil {
		return exitOK
	}
	if told := toldError(0); errors.As(err, &told) {
		return int(told)
	}
	return judge(err).exit
}

// toldError is the exit code of a command whose error the user has already been told.
type toldError int

func (e toldError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// failure names what a command was doing, and to what, when err ended it.
type failure struct {
	doing string
	err   error
}

func (f *failure) Error() string { return f.doing + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// during wraps err, unless it is nil, with what the command was doing.
func during(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &failure{fmt.Sprintf(format, args...), err}
}
