package console

import (
	"errors"
	"testing"

	"hotline/internal/fault"
)

// TestVoucherCountsWithSignIn: passwords tried at an act and at the door count
// together, an unknown name looks like a wrong password, and no hash comes out.
func TestVoucherCountsWithSignIn(t *testing.T) {
	d := newDoor(t, nil)
	d.accounts.officers["WO1"] = Officer{Name: "WO1", Role: "operator", Password: HashPassword(good)}
	v := d.console.cfg.Voucher
	o, err := v.Check(t.Context(), "WO1", good)
	if err != nil || o.Name != "WO1" || o.Password != "" {
		t.Fatalf("Check with the right password = %+v, %v", o, err)
	}
	if _, err := v.Check(t.Context(), "WO9", good); !errors.Is(err, errWrongPassword) {
		t.Errorf("unknown name: %v, want the fault of a wrong password", err)
	}
	for range triesPerAccount {
		if _, err := v.Check(t.Context(), "WO1", "wrong"); !errors.Is(err, errWrongPassword) {
			t.Fatalf("wrong password: %v", err)
		}
	}
	if _, err := v.Check(t.Context(), "WO1", good); !fault.Is(err, fault.Busy) {
		t.Errorf("after %d wrong ones: %v, want busy", triesPerAccount, err)
	}
	if d.console.throttle.wait(nameKey("WO1")) <= 0 {
		t.Error("sign-in does not know of the wrong ones")
	}
}
