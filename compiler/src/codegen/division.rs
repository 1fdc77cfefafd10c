//! Divisions whose dividend has up to 128 bits, written out in 64-bit steps: generated code calls nothing.
//!
//! Signs are set aside, magnitudes divided, and the result rounded and bounded as [`crate::ir::arithmetic`] defines it.

use cranelift_codegen::ir::{InstBuilder as _, Value, condcodes::IntCC, types::I64};

use super::translate::Translator;
use crate::ir::arithmetic::PARTS;

/// The bits of a digit in the long division of a price. A remainder is below 2⁴¹, as [`MAX_DIVISOR`] is, so that it fits
/// 64 bits with a digit behind it.
///
/// [`MAX_DIVISOR`]: crate::ir::arithmetic::MAX_DIVISOR
const DIGIT_BITS: i64 = 22;

/// Digits below the topmost: with the 18 bits of that they make 128.
const DIGITS: u32 = 5;

impl Translator<'_> {
    /// ⌊a / b⌋, 0 where b is 0.
    pub(super) fn quotient(&mut self, a: Value, b: Value) -> Value {
        self.divided(a, b, 1)
    }

    /// ⌊a · 10⁶ / b⌋, 0 where b is 0.
    pub(super) fn ratio(&mut self, a: Value, b: Value) -> Value {
        self.divided(a, b, PARTS)
    }

    /// ⌊a · times / b⌋, 0 where b is 0.
    fn divided(&mut self, a: Value, b: Value, times: i64) -> Value {
        let is_zero = self.builder.ins().icmp_imm_s(IntCC::Equal, b, 0);
        let one = self.builder.ins().iconst(I64, 1);
        let safe = self.builder.ins().select(is_zero, one, b);
        let dividend = self.builder.ins().iabs(a);
        let divisor = self.builder.ins().iabs(safe);
        let mut quotient = self.builder.ins().udiv(dividend, divisor);
        let mut rest = self.builder.ins().urem(dividend, divisor);
        if times != 1 {
            (quotient, rest) = self.times(quotient, rest, divisor, times);
        }
        let sign = self.builder.ins().bxor(a, b);
        let signed = self.rounded_down(quotient, rest, sign);
        let zero = self.builder.ins().iconst(I64, 0);
        self.builder.ins().select(is_zero, zero, signed)
    }

    /// Quotient and remainder of `times` as much: whole parts by multiplication, the remainder bit by bit of `times`,
    /// which keeps it below twice the divisor, and so within 64 bits.
    fn times(&mut self, quotient: Value, rest: Value, divisor: Value, times: i64) -> (Value, Value) {
        let factor = self.builder.ins().iconst(I64, times);
        let whole = self.builder.ins().imul(quotient, factor);
        let high = self.builder.ins().umulhi(quotient, factor);
        let mut part = self.builder.ins().iconst(I64, 0);
        let mut left = self.builder.ins().iconst(I64, 0);
        for bit in (0..i64::BITS - times.leading_zeros()).rev() {
            part = self.builder.ins().ishl_imm_u(part, 1);
            let double = self.builder.ins().ishl_imm_u(left, 1);
            (part, left) = self.carry(part, double, divisor);
            if (times >> bit) & 1 == 1 {
                let more = self.builder.ins().iadd(left, rest);
                (part, left) = self.carry(part, more, divisor);
            }
        }
        // The part is at most `times`, so the sum overflows only where the whole is close to the end, too.
        let sum = self.builder.ins().iadd(whole, part);
        let wrapped = self.builder.ins().icmp(IntCC::UnsignedLessThan, sum, whole);
        let beyond = self.builder.ins().icmp_imm_s(IntCC::NotEqual, high, 0);
        let overflowed = self.builder.ins().bor(wrapped, beyond);
        let most = self.builder.ins().iconst(I64, -1);
        (self.builder.ins().select(overflowed, most, sum), left)
    }

    /// Takes the divisor once from a remainder below twice of it.
    fn carry(&mut self, quotient: Value, rest: Value, divisor: Value) -> (Value, Value) {
        let fits = self.builder.ins().icmp(IntCC::UnsignedGreaterThanOrEqual, rest, divisor);
        let less = self.builder.ins().isub(rest, divisor);
        let one = self.builder.ins().uextend(I64, fits);
        (self.builder.ins().iadd(quotient, one), self.builder.ins().select(fits, less, rest))
    }

    /// A magnitude with the sign of `sign`, one less where it is negative and something rests; bounded to 64 bits.
    fn rounded_down(&mut self, magnitude: Value, rest: Value, sign: Value) -> Value {
        let is_negative = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, sign, 0);
        let rests = self.builder.ins().icmp_imm_s(IntCC::NotEqual, rest, 0);
        let down = self.builder.ins().band(is_negative, rests);
        self.bounded(magnitude, down, is_negative)
    }

    /// A magnitude, one greater where `more`, with its sign, bounded to 64 bits.
    fn bounded(&mut self, magnitude: Value, more: Value, is_negative: Value) -> Value {
        let least = self.builder.ins().iconst(I64, i64::MIN);
        let magnitude = self.builder.ins().umin(magnitude, least);
        let more = self.builder.ins().uextend(I64, more);
        let magnitude = self.builder.ins().iadd(magnitude, more);
        let greatest = self.builder.ins().iconst(I64, i64::MAX);
        let positive = self.builder.ins().umin(magnitude, greatest);
        let magnitude = self.builder.ins().umin(magnitude, least);
        let negative = self.builder.ins().ineg(magnitude);
        self.builder.ins().select(is_negative, negative, positive)
    }

    /// ⌈a · b / divisor⌉: the product in two words, divided digit by digit.
    pub(super) fn price(&mut self, a: Value, b: Value, divisor: i64) -> Value {
        let left = self.builder.ins().iabs(a);
        let right = self.builder.ins().iabs(b);
        let low = self.builder.ins().imul(left, right);
        let high = self.builder.ins().umulhi(left, right);
        let divisor = self.builder.ins().iconst(I64, divisor);

        let mut rest = self.builder.ins().iconst(I64, 0);
        let mut quotient = rest;
        let mut beyond = rest;
        for digit in (0..=DIGITS).rev() {
            let piece = self.digit(high, low, digit);
            let dividend = self.builder.ins().ishl_imm_u(rest, DIGIT_BITS);
            let dividend = self.builder.ins().bor(dividend, piece);
            let part = self.builder.ins().udiv(dividend, divisor);
            let product = self.builder.ins().imul(part, divisor);
            rest = self.builder.ins().isub(dividend, product);
            // What is shifted out at the top does not fit 64 bits.
            let out = self.builder.ins().ushr_imm_u(quotient, 64 - DIGIT_BITS);
            beyond = self.builder.ins().bor(beyond, out);
            quotient = self.builder.ins().ishl_imm_u(quotient, DIGIT_BITS);
            quotient = self.builder.ins().bor(quotient, part);
        }
        let overflowed = self.builder.ins().icmp_imm_s(IntCC::NotEqual, beyond, 0);
        let most = self.builder.ins().iconst(I64, -1);
        let magnitude = self.builder.ins().select(overflowed, most, quotient);

        let sign = self.builder.ins().bxor(a, b);
        let is_negative = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, sign, 0);
        let is_positive = self.builder.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, sign, 0);
        let rests = self.builder.ins().icmp_imm_s(IntCC::NotEqual, rest, 0);
        let up = self.builder.ins().band(is_positive, rests);
        self.bounded(magnitude, up, is_negative)
    }

    /// The bits of a 128-bit number from `digit` times [`DIGIT_BITS`] on.
    fn digit(&mut self, high: Value, low: Value, digit: u32) -> Value {
        let from = i64::from(digit) * DIGIT_BITS;
        let piece = if from >= 64 {
            self.builder.ins().ushr_imm_u(high, from - 64)
        } else if from + DIGIT_BITS > 64 {
            let upper = self.builder.ins().ishl_imm_u(high, 64 - from);
            let lower = self.builder.ins().ushr_imm_u(low, from);
            self.builder.ins().bor(upper, lower)
        } else {
            self.builder.ins().ushr_imm_u(low, from)
        };
        self.builder.ins().band_imm_s(piece, (1 << DIGIT_BITS) - 1)
    }
}
