package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"hotline/internal/config"
	"hotline/internal/custody"
	"hotline/internal/fault"
	"hotline/internal/keyring"
	"hotline/internal/shares"
	"hotline/internal/tpm"
)

// newDeskSlotCmd returns "hotline desk slot" and its verbs.
func newDeskSlotCmd(a *app) *cobra.Command {
	return a.newGroup("slot", "See and change what opens the desk: passphrases, TPM, credential, shares",
		newSlotListCmd(a), newSlotAddCmd(a), newSlotRemoveCmd(a), newSlotChangeCmd(a))
}

// slotRow is a slot as --json prints it.
type slotRow struct {
	ID     int    `json:"id"`
	Kind   string `json:"kind"`
	Detail string `json:"detail"`
}

func newSlotListCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what opens the desk",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.deskDir()
			if err != nil {
				return err
			}
			_, all, err := keyring.Slots(dir)
			if err != nil {
				return err
			}
			var rows [][]string
			for _, s := range all {
				row := slotRow{s.ID, string(s.Kind), s.Detail}
				if asJSON {
					if err := a.printJSON(row); err != nil {
						return err
					}
				}
				rows = append(rows, []string{strconv.Itoa(row.ID), row.Kind, row.Detail})
			}
			if asJSON {
				return nil
			}
			if err := table(a.out, []string{"SLOT", "KIND", "DETAIL"}, rows); err != nil {
				return err
			}
			if len(all) == 1 {
				a.say("One slot: when it is lost, the desk is lost. hotline desk slot add recovery makes shares.")
			}
			return nil
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newSlotAddCmd(a *app) *cobra.Command {
	return a.newGroup("add", "Add a way to open the desk",
		newSlotAddPassphraseCmd(a), newSlotAddTPMCmd(a), newSlotAddCredentialCmd(a), newSlotAddRecoveryCmd(a))
}

// unlocked opens the desk for a change of its slots.
func (a *app) unlocked(skip int, passphraseFile string, do func(dir string, c config.Desk, o keyring.Opened) error) error {
	dir, err := a.deskDir()
	if err != nil {
		return err
	}
	c, err := config.ReadDesk(dir, a.env)
	if err != nil {
		return err
	}
	if passphraseFile != "" {
		c.Store.PassphraseFile = passphraseFile
	}
	o, err := a.unlock(dir, c.Store, skip)
	if err != nil {
		return err
	}
	defer clear(o.Key)
	return do(dir, c, o)
}

// added says that a slot is there.
func (a *app) added(id int, kind keyring.Kind, asJSON bool) error {
	if asJSON {
		return a.printJSON(slotRow{ID: id, Kind: string(kind)})
	}
	_, err := fmt.Fprintln(a.out, id)
	return err
}

func unlockFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "passphrase-file", "", "file with a passphrase that opens the desk now, instead of desk.toml's (default: ask)")
}

func newSlotAddPassphraseCmd(a *app) *cobra.Command {
	var open, file, kdf string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "passphrase",
		Short: "Add a further passphrase",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cost, err := a.costOf(kdf)
			if err != nil {
				return err
			}
			return a.unlocked(0, open, func(dir string, _ config.Desk, o keyring.Opened) error {
				word, err := a.passphrase(file, "the new slot", true)
				if err != nil {
					return err
				}
				defer clear(word)
				id, err := keyring.AddPassphrase(dir, o, word, cost)
				if err != nil {
					return err
				}
				return a.added(id, keyring.Passphrase, asJSON)
			})
		},
	}
	unlockFlag(cmd, &open)
	cmd.Flags().StringVar(&file, "new-passphrase-file", "", "file with the new passphrase (default: ask)")
	kdfFlag(cmd, &kdf)
	jsonFlag(cmd, &asJSON)
	return cmd
}

func kdfFlag(cmd *cobra.Command, kdf *string) {
	cmd.Flags().StringVar(kdf, "kdf", "", "argon2id, or pbkdf2 for FIPS 140 mode (default: argon2id, pbkdf2 in that mode)")
}

// costOf returns what a guess costs; all is cheaper where tests have said so.
func (a *app) costOf(kdf string) (keyring.Cost, error) {
	switch kdf {
	case "":
		return a.cost, nil
	case "pbkdf2":
		c := keyring.PBKDF2Cost()
		if a.cost.Time > 0 {
			c.Time = a.cost.Time
		}
		return c, nil
	case keyring.Argon2id:
		if a.cost.Time > 0 {
			return a.cost, nil
		}
		return keyring.Argon2idCost(), nil
	}
	return keyring.Cost{}, usageError{fmt.Sprintf("there is no derivation %q", inert(kdf)), "argon2id or pbkdf2"}
}

func newSlotAddTPMCmd(a *app) *cobra.Command {
	var open, pinFile string
	var pcrs []int
	var pin, asJSON bool
	cmd := &cobra.Command{
		Use:   "tpm",
		Short: "Let this machine's TPM open the desk: a copied disk does not open elsewhere",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.unlocked(0, open, func(dir string, c config.Desk, o keyring.Opened) error {
				var word []byte
				if pin || pinFile != "" {
					var err error
					if word, err = a.passphrase(pinFile, "the TPM slot (its PIN)", true); err != nil {
						return err
					}
					defer clear(word)
				}
				id, err := a.addTPM(dir, c, o, word, pcrs)
				if err != nil {
					return err
				}
				return a.added(id, keyring.TPM, asJSON)
			})
		},
	}
	unlockFlag(cmd, &open)
	cmd.Flags().BoolVar(&pin, "pin", false, "ask for a PIN, which the TPM wants at each start")
	cmd.Flags().StringVar(&pinFile, "pin-file", "", "file with that PIN")
	cmd.Flags().IntSliceVar(&pcrs, "pcr", nil, "registers that must not change, such as 7 (Secure Boot); none: any software on this machine")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// addTPM makes the slot, and with the first one the counter that notices a
// directory which was set back.
func (a *app) addTPM(dir string, c config.Desk, o keyring.Opened, pin []byte, pcrs []int) (int, error) {
	t, err := tpm.Open(c.Store.TPM)
	if err != nil {
		return 0, err
	}
	defer func() { _ = t.Close() }()
	id, err := keyring.AddTPM(dir, o, t, pin, pcrs)
	if err != nil {
		return 0, err
	}
	if index, err := keyring.Counter(dir); err != nil || index != 0 {
		return id, err
	}
	index, err := t.NewCounter()
	if err != nil {
		a.say("The slot is there; the TPM has no counter for this desk, so a directory that is set back on this machine is noticed by peers alone.")
		return id, nil
	}
	return id, keyring.SetCounter(dir, index)
}

func newSlotAddCredentialCmd(a *app) *cobra.Command {
	var open, name, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "credential --name NAME --out FILE",
		Short: "Let a credential of systemd open the desk; its 32 bytes go to FILE or, with -, to systemd-creds",
		Example: `  hotline desk slot add credential --name hotline-jpn-1 --out - |
    systemd-creds encrypt --name=hotline-jpn-1 - /etc/credstore.encrypted/hotline-jpn-1`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if name == "" || out == "" {
				return usageError{"the credential's name and its file are needed", "--name hotline-jpn-1 --out FILE"}
			}
			return a.unlocked(0, open, func(dir string, _ config.Desk, o keyring.Opened) error {
				id, err := keyring.AddCredential(dir, o, name, func(secret []byte) error {
					if out == "-" && terminal(a.out) {
						return usageError{"a key is not written to a terminal", "pipe it into systemd-creds encrypt --name=" + name + " - FILE"}
					}
					return a.writeOutput(out, secret)
				})
				if err != nil {
					return err
				}
				a.say("Slot %d opens with the credential %s: LoadCredentialEncrypted=%s in the desk's unit.", id, name, name)
				if out == "-" {
					return nil // stdout is the key's
				}
				a.say("%s is the key itself: encrypt it with systemd-creds, then destroy it (shred -u).", out)
				return a.added(id, keyring.Credential, asJSON)
			})
		},
	}
	unlockFlag(cmd, &open)
	cmd.Flags().StringVar(&name, "name", "", "name of the credential: hotline-…")
	cmd.Flags().StringVarP(&out, "out", "o", "", "file for its 32 bytes; - is stdout")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newSlotAddRecoveryCmd(a *app) *cobra.Command {
	var open, out string
	var need, of int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "recovery --out NAME",
		Short: "Make shares of which any two of three open the desk; one alone says nothing",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if out == "" {
				return usageError{"the name of the shares' files is missing", "--out /media/safe/JPN-1 makes JPN-1.share-1 and so on"}
			}
			return a.unlocked(0, open, func(dir string, _ config.Desk, o keyring.Opened) error {
				desk, _, err := keyring.Slots(dir)
				if err != nil {
					return err
				}
				if err := custody.Outside(dir, out); err != nil {
					return fault.New(fault.Invalid, "Shares must lie outside the desk's folder: whoever takes the desk must not get them.")
				}
				var names []string
				id, err := keyring.AddRecovery(dir, o, need, of, func(all []shares.Share) (err error) {
					names, err = custody.WriteShares(out, "the desk "+inertLine(desk), all, func([]shares.Share) error { return nil })
					return err
				})
				if err != nil {
					return err
				}
				return a.printShares(dir, id, names, need, asJSON)
			})
		},
	}
	unlockFlag(cmd, &open)
	cmd.Flags().IntVar(&of, "of", 3, "how many shares")
	cmd.Flags().IntVar(&need, "need", 2, "how many of them open the desk")
	cmd.Flags().StringVarP(&out, "out", "o", "", "how the files begin, outside the desk's directory")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// printShares tries the shares against the slot, as people will have to, and
// says where they are.
func (a *app) printShares(dir string, id int, names []string, need int, asJSON bool) error {
	all, err := custody.ReadShares(names, shares.Slot)
	if err != nil {
		return err
	}
	o, err := keyring.Recover(dir, all[len(all)-need:])
	if err != nil {
		return err
	}
	clear(o.Key)
	if asJSON {
		return a.printJSON(struct {
			slotRow
			Files []string `json:"files"`
		}{slotRow{ID: id, Kind: string(keyring.Recovery)}, names})
	}
	a.say("Slot %d opens with any %d of these; it was tried. Give each to another person, on paper or a medium of its own, and take them off this machine (shred -u).", id, need)
	_, err = fmt.Fprintln(a.out, strings.Join(names, "\n"))
	return err
}

func newSlotRemoveCmd(a *app) *cobra.Command {
	var open string
	var shareFiles []string
	cmd := &cobra.Command{
		Use:   "remove SLOT",
		Short: "Take a way to open the desk away; another one must be shown to open it",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			id, err := strconv.Atoi(args[0])
			if err != nil || id < 1 {
				return usageError{fmt.Sprintf("%q is no slot", inert(args[0])), "hotline desk slot list shows their numbers"}
			}
			dir, err := a.deskDir()
			if err != nil {
				return err
			}
			_, all, err := keyring.Slots(dir)
			if err != nil {
				return err
			}
			if len(all) == 1 && all[0].ID == id {
				return keyring.Remove(dir, id) // it says why not
			}
			remove := func() error {
				if err := keyring.Remove(dir, id); err != nil {
					return err
				}
				a.say("Slot %d is gone. Copies of the directory made before still open with it.", id)
				return nil
			}
			if len(shareFiles) > 0 {
				o, err := a.recovered(dir, shareFiles)
				if err != nil {
					return err
				}
				clear(o.Key)
				if o.Slot == id {
					return fault.New(fault.Refused, "Another slot than %d must be shown to open the desk.", id)
				}
				return remove()
			}
			return a.unlocked(id, open, func(string, config.Desk, keyring.Opened) error { return remove() })
		},
	}
	unlockFlag(cmd, &open)
	cmd.Flags().StringArrayVar(&shareFiles, "share", nil, "file with a share of the recovery slot that stays")
	return cmd
}

func newSlotChangeCmd(a *app) *cobra.Command {
	var old, file string
	cmd := &cobra.Command{
		Use:   "change",
		Short: "Change a passphrase; a duress word beside it stays",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.deskDir()
			if err != nil {
				return err
			}
			was, err := a.passphrase(old, "the desk in "+dir, false)
			if err != nil {
				return err
			}
			defer clear(was)
			word, err := a.passphrase(file, "the desk from now on", true)
			if err != nil {
				return err
			}
			defer clear(word)
			if err := keyring.Change(dir, was, word); err != nil {
				return err
			}
			a.say("Changed. Copies of the directory made before still open with the old one.")
			return nil
		},
	}
	cmd.Flags().StringVar(&old, "passphrase-file", "", "file with the passphrase until now (default: ask)")
	cmd.Flags().StringVar(&file, "new-passphrase-file", "", "file with the new one (default: ask)")
	return cmd
}

// recovered opens the desk with shares.
func (a *app) recovered(dir string, files []string) (keyring.Opened, error) {
	all, err := custody.ReadShares(files, shares.Slot)
	if err != nil {
		return keyring.Opened{}, err
	}
	return keyring.Recover(dir, all)
}

func newDeskRecoverCmd(a *app) *cobra.Command {
	var file string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "recover SHARE SHARE",
		Short: "Open the desk with shares when all else is lost, and give it a new passphrase",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := a.deskDir()
			if err != nil {
				return err
			}
			o, err := a.recovered(dir, args)
			if err != nil {
				return err
			}
			defer clear(o.Key)
			word, err := a.passphrase(file, "the desk from now on", true)
			if err != nil {
				return err
			}
			defer clear(word)
			id, err := keyring.AddPassphrase(dir, o, word, a.cost)
			if err != nil {
				return err
			}
			a.say("The desk opens with the new passphrase. These shares were together in one place: make new ones, then hotline desk slot remove %d.", o.Slot)
			return a.added(id, keyring.Passphrase, asJSON)
		},
	}
	cmd.Flags().StringVar(&file, "new-passphrase-file", "", "file with the new passphrase (default: ask)")
	jsonFlag(cmd, &asJSON)
	return cmd
}
