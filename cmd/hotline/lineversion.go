package main

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"hotline/internal/api"
	"hotline/internal/fault"
	"hotline/internal/roster"
	"hotline/internal/suite"
)

func newLineVersionsCmd(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:               "versions LINE",
		Short:             "List the versions of a line's charter, and who has signed them",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			all, err := a.versions(cmd, args[0])
			if err != nil {
				return err
			}
			for _, v := range all {
				if asJSON {
					err = a.printJSON(v)
				} else {
					err = a.printVersion(v)
				}
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
	jsonFlag(cmd, &asJSON)
	return cmd
}

func (a *app) versions(cmd *cobra.Command, line string) (all []api.CharterVersion, err error) {
	cl, err := a.client()
	if err == nil {
		err = cl.Get(cmd.Context(), "/lines/"+url.PathEscape(line)+"/versions", nil, &all)
	}
	return all, err
}

func (a *app) printVersion(v api.CharterVersion) error {
	signed := strings.Join(v.Signed, ", ")
	if signed == "" {
		signed = "nobody"
	}
	_, err := fmt.Fprintf(a.out, "%d  %-9s %s  signed by %s; %d must\n", v.Version, v.State, short(v.Hash), inertLine(signed), v.Quorum)
	for _, t := range v.Text {
		if err == nil {
			_, err = fmt.Fprintf(a.out, "   %s\n", inertLine(t))
		}
	}
	return err
}

func newLineProposeCmd(a *app) *cobra.Command {
	var in api.CharterChange
	var period time.Duration
	var out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "propose LINE --admit PARTY",
		Short: "Write a next version of a line's charter; it counts when enough custodians have signed",
		Long: "Write a next version of a line's charter and send it to all whom it concerns. It counts when more than half of the parties have\n" +
			"signed, on a line of two both, each with two custodians (hotline line sign), and every party that it admits.",
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.SealKeyPeriodMS = period.Milliseconds()
			cl, err := a.client()
			if err != nil {
				return err
			}
			var v api.CharterVersion
			if err := cl.Post(cmd.Context(), "/lines/"+url.PathEscape(args[0])+"/versions", newKey(), in, &v); err != nil {
				return err
			}
			if out != "" {
				if err := a.writeOutput(out, v.File); err != nil {
					return err
				}
			}
			if asJSON {
				return a.printJSON(v)
			}
			return a.printVersion(v)
		},
	}
	fs := cmd.Flags()
	fs.StringVarP(&out, "out", "o", "", "write the version to this file too, for custodians of a party that is not on the line yet")
	fs.StringVar(&in.Name, "name", "", "what the parties call the line")
	fs.StringSliceVar(&in.Admit, "admit", nil, "parties that join the line")
	fs.StringSliceVar(&in.Remove, "remove", nil, "parties that leave the line")
	fs.IntVar(&in.Quorum, "quorum", 0, "how many parties sign the version after it (default: more than half)")
	fs.StringVar(&in.Classification, "class", "", "classification that the charter writes where a sender names none")
	fs.StringVar(&in.PAP, "pap", "", "PAP that the charter writes where a sender names none")
	fs.DurationVar(&period, "seal-key-period", 0, "how long a seal key lives, 10m to 192h")
	fs.StringVar(&in.Record, "record", "", "record policy: attributable; deniable is refused")
	fs.StringVar(&in.Attest, "attest", "", "how often chains are attested: amortised, or every")
	jsonFlag(cmd, &asJSON)
	return cmd
}

func newLineSignCmd(a *app) *cobra.Command {
	var kf keyFlags
	var which, file, out string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "sign LINE --custodian FILE",
		Short: "Sign a version of a line's charter that waits, as a custodian; each party needs two",
		Long: "Sign a version of a line's charter that waits. With --file it is read from a file and --out writes it signed: so the custodians of a\n" +
			"party that is not on the line yet sign, without a desk that knows it. Given a LINE and --file alone, the signatures are handed in.",
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: a.completeLines,
		RunE: func(cmd *cobra.Command, args []string) error {
			if file != "" {
				return a.signFile(cmd, args, file, out, kf, asJSON)
			}
			if len(kf.custodians) == 0 || len(args) == 0 {
				return usageError{"the line, or the key of a custodian, is missing", "hotline line sign LINE --custodian FILE; the second custodian signs in the same way"}
			}
			all, err := a.versions(cmd, args[0])
			if err != nil {
				return err
			}
			v, err := pickVersion(all, which)
			if err != nil {
				return err
			}
			keepers, err := a.keepers(kf)
			if err != nil {
				return err
			}
			return a.signVersion(cmd, v, keepers, asJSON)
		},
	}
	kf.flags(cmd, false, true)
	cmd.Flags().StringVar(&file, "file", "", "read the version from this file instead of asking the desk")
	cmd.Flags().StringVarP(&out, "out", "o", "", "with --file: write it with the signatures, for whoever proposed it")
	cmd.Flags().StringVar(&which, "version", "", "the version's hash or its beginning, where several wait")
	jsonFlag(cmd, &asJSON)
	return cmd
}

// pickVersion chooses the one version that waits, or the one that is named.
func pickVersion(all []api.CharterVersion, which string) (v api.CharterVersion, err error) {
	var fits []api.CharterVersion
	for _, one := range all {
		if one.State == "pending" && strings.HasPrefix(one.Hash, which) {
			fits = append(fits, one)
		}
	}
	switch len(fits) {
	case 0:
		return v, fault.New(fault.NotFound, "No version of this charter waits for a signature.").WithHint("hotline line propose LINE writes one")
	case 1:
		return fits[0], nil
	}
	return v, fault.New(fault.Invalid, "%d versions of this charter wait.", len(fits)).WithHint("name one: --version HASH; hotline line versions LINE lists them")
}

// signVersion shows what is signed, signs it here, and gives it to the desk: a
// custodian's key never comes there.
func (a *app) signVersion(cmd *cobra.Command, v api.CharterVersion, keepers []roster.Keeper, asJSON bool) error {
	s, err := suite.ByID(keepers[0].Warrant.Suite)
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	offer, err := addSignatures(s, v.File, keepers)
	if err != nil {
		return err
	}
	for _, t := range v.Text {
		a.say("%s", inertLine(t))
	}
	return a.handIn(cmd, offer.Bytes(), asJSON)
}

func addSignatures(s suite.Suite, file []byte, keepers []roster.Keeper) (roster.Offer, error) {
	offer, err := roster.ParseOffer(s, file)
	if err != nil {
		return offer, fault.Wrap(err, fault.Invalid, "This version of a charter cannot be read.")
	}
	for _, k := range keepers {
		sig, err := roster.SignCharter(s, k, offer.Charter, roster.CharterSignature{Time: time.Now()})
		if err != nil {
			return offer, fault.Wrap(err, fault.Refused, "This key cannot sign this version: its party is not on it.")
		}
		offer.Signatures = append(offer.Signatures, sig)
	}
	return offer, nil
}

// maxVersion is the longest file of a version that is read.
const maxVersion = 4 << 20

// signFile signs a version in a file, or hands it in.
func (a *app) signFile(cmd *cobra.Command, args []string, file, out string, kf keyFlags, asJSON bool) error {
	b, err := a.readInput(file, maxVersion)
	if err != nil {
		return err
	}
	if len(kf.custodians) == 0 {
		if len(args) == 0 {
			return usageError{"the line, or the key of a custodian, is missing", "hotline line sign LINE --file FILE hands signatures in"}
		}
		return a.handIn(cmd, b, asJSON)
	}
	keepers, err := a.keepers(kf)
	if err != nil {
		return err
	}
	s, err := suite.ByID(keepers[0].Warrant.Suite)
	if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	offer, err := addSignatures(s, b, keepers)
	if err != nil {
		return err
	}
	var members []string
	for _, m := range offer.Charter.Members {
		members = append(members, m.Name)
	}
	a.say("Signed: version %d of the charter of %s, with %s.", offer.Charter.Version, inertLine(offer.Charter.Name), inertLine(strings.Join(members, ", ")))
	if out == "" {
		return a.handIn(cmd, offer.Bytes(), asJSON)
	}
	return a.writeOutput(out, offer.Bytes())
}

// handIn gives a version with signatures to the desk.
func (a *app) handIn(cmd *cobra.Command, offer []byte, asJSON bool) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	var out api.CharterVersion
	if err := cl.Post(cmd.Context(), "/lines/versions", newKey(), api.VersionIn{File: offer}, &out); err != nil {
		return err
	}
	if asJSON {
		return a.printJSON(out)
	}
	return a.printVersion(out)
}
