package main

import "github.com/spf13/cobra"

func newStoreCmd(e *env) *cobra.Command {
	return group(&cobra.Command{
		Use:   "store",
		Short: "Lock the block store, or destroy its key",
		Long: `What this node keeps for others, its queue, its sites, its identity and what it knows of other nodes are encrypted under the key of its store. The key lies
beside them, so that the node can start by itself, unless a passphrase locks it.`,
		Example: `  nightjar store passwd              set or change the passphrase
  nightjar store lock                close the store until it is unlocked
  nightjar store wipe                destroy the key: nobody can open the store again`,
	},
		newStoreLockCmd(e), newStoreUnlockCmd(e), newStorePasswdCmd(e), newStoreWipeCmd(e),
		newStoreQuotaCmd(e), newStoreStatsCmd(e), newStoreCheckCmd(e), newStoreRepairCmd(e),
	)
}
