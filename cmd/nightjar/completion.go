package main

import "github.com/spf13/cobra"

func newCompletionCmd(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a completion script for bash, zsh, fish or powershell",
		Long:  `Print a script that teaches a shell to complete nightjar's commands and flags. Load it in the shell's start-up file.`,
		Example: `  source <(nightjar completion bash)
  nightjar completion zsh > "${fpath[1]}/_nightjar"
  nightjar completion fish > ~/.config/fish/completions/nightjar.fish`,
		Args:      oneArg("the name of a shell"),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(e.stdout, true)
			case "zsh":
				return root.GenZshCompletion(e.stdout)
			case "fish":
				return root.GenFishCompletion(e.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(e.stdout)
			}
			return usage(cmd, "no completion for %q; there is one for bash, zsh, fish and powershell", args[0])
		},
	}
}
