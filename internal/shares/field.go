package shares

// The field is GF(2^8) with the polynomial x^8 + x^4 + x^3 + x + 1, as in
// FIPS 197, Section 4. Addition is XOR. There is no table: the time of a
// table's look-up says where one looked.

// multiply returns a times b, in the same time for all.
func multiply(a, b byte) byte {
	var p byte
	for range 8 {
		p ^= a & -(b & 1)
		a = a<<1 ^ 0x1b&-(a>>7)
		b >>= 1
	}
	return p
}

// inverse returns 1/a, which is a to the power 254; zero for zero.
func inverse(a byte) byte {
	r := byte(1)
	for _, bit := range []byte{1, 1, 1, 1, 1, 1, 1, 0} {
		r = multiply(r, r)
		r = multiply(r, a&-bit|1&^-bit)
	}
	return r
}

// evaluate returns the polynomial with this constant and these higher
// coefficients at x, by Horner's rule.
func evaluate(constant byte, more []byte, x byte) byte {
	var y byte
	for i := len(more) - 1; i >= 0; i-- {
		y = multiply(y, x) ^ more[i]
	}
	return multiply(y, x) ^ constant
}
