//! Translates sites and the nodes they need into the code generator's representation.
//!
//! Conditions are computed one after the other in blocks that every later block comes after, so that a node shared by
//! sites is computed once; ceilings and costs only where their charge applies.

use std::collections::HashMap;

use cranelift_codegen::{
    ir::{
        AbiParam, Function, InstBuilder as _, MemFlagsData, Signature, UserFuncName, Value, condcodes::IntCC,
        types::I64,
    },
    isa::TargetFrontendConfig,
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};

use crate::{
    checked::{Arithmetic, Comparison},
    index::shape::{Computes, Shape},
    ir::{
        ChargeSite, Node, NodeId, Program,
        arithmetic::{MAX_FACTOR, PARTS},
    },
    outcome::RawCharge,
};

/// What a function needs to know of a site.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    when: NodeId,
    /// Ceiling and cost, of a charge.
    amounts: Option<(NodeId, NodeId)>,
}

impl Site {
    /// A site that is only named.
    pub(super) const fn bare(when: NodeId) -> Self {
        Self { when, amounts: None }
    }

    /// A charge with its ceiling and cost.
    pub(super) const fn charge(site: &ChargeSite) -> Self {
        Self { when: site.when, amounts: Some((site.ceiling, site.cost)) }
    }
}

/// Offsets of the fields of [`RawCharge`], in bytes.
const SITE: i32 = 0;
const CEILING: i32 = 8;
const COST: i32 = 16;
const RECORD: i64 = 24;
const _: () = assert!(size_of::<RawCharge>() == 24);

/// Writes a function that finds which of `sites` apply; the first has the position `first` in its stratum.
pub(super) fn function(
    program: &Program,
    sites: &[Site],
    first: usize,
    config: TargetFrontendConfig,
    function: &mut Function,
    context: &mut FunctionBuilderContext,
) {
    let mut signature = Signature::new(config.default_call_conv);
    signature.params = vec![AbiParam::new(I64), AbiParam::new(I64)];
    signature.returns = vec![AbiParam::new(I64)];
    *function = Function::with_name_signature(UserFuncName::default(), signature);

    let mut builder = FunctionBuilder::new(function, context);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let &[frame, out] = builder.block_params(entry) else { return };
    let nodes = &program.nodes;
    let mut translator = Translator { builder, nodes, frame, parameters: None, known: HashMap::new() };
    let zero = translator.builder.ins().iconst(I64, 0);
    let count = sites
        .iter()
        .zip(first..)
        .fold(zero, |count, (site, position)| translator.site(site, position, out, count));
    translator.builder.ins().return_(&[count]);
    translator.builder.seal_all_blocks();
    translator.builder.finalize(config);
}

/// Writes a body that sites of one shape share: over a frame, the parameters of a site, and room for two words. A guard
/// gives 1 where all of its roots are other than 0; amounts are written, ceiling first.
pub(super) fn body(
    shape: &Shape,
    config: TargetFrontendConfig,
    function: &mut Function,
    context: &mut FunctionBuilderContext,
) {
    let mut signature = Signature::new(config.default_call_conv);
    signature.params = vec![AbiParam::new(I64), AbiParam::new(I64), AbiParam::new(I64)];
    signature.returns = vec![AbiParam::new(I64)];
    *function = Function::with_name_signature(UserFuncName::default(), signature);

    let mut builder = FunctionBuilder::new(function, context);
    let entry = builder.create_block();
    builder.append_block_params_for_function_params(entry);
    builder.switch_to_block(entry);
    let &[frame, parameters, out] = builder.block_params(entry) else { return };
    let (nodes, parameters) = (&shape.nodes, Some(parameters));
    let mut translator = Translator { builder, nodes, frame, parameters, known: HashMap::new() };
    let mut known = HashMap::new();
    let mut result = translator.builder.ins().iconst(I64, 1);
    for (root, position) in shape.roots.iter().zip(0_i32..) {
        let value = translator.value(*root, &mut known);
        match shape.computes {
            Computes::Guard => {
                let holds = translator.builder.ins().icmp_imm_s(IntCC::NotEqual, value, 0);
                let holds = translator.builder.ins().uextend(I64, holds);
                result = translator.builder.ins().band(result, holds);
            }
            Computes::Amounts => {
                translator.builder.ins().store(MemFlagsData::trusted(), value, out, position * 8);
            }
        }
    }
    translator.builder.ins().return_(&[result]);
    translator.builder.seal_all_blocks();
    translator.builder.finalize(config);
}

pub(super) struct Translator<'a> {
    pub(super) builder: FunctionBuilder<'a>,
    nodes: &'a [Node],
    frame: Value,
    /// Where the constants and the offsets of the slots are, of code that several sites share.
    parameters: Option<Value>,
    /// Nodes computed in blocks that come before every block to come.
    known: HashMap<NodeId, Value>,
}

impl Translator<'_> {
    /// Writes one site and gives the number of records after it.
    fn site(&mut self, site: &Site, position: usize, out: Value, count: Value) -> Value {
        let mut known = std::mem::take(&mut self.known);
        let when = self.value(site.when, &mut known);
        let applies = self.builder.create_block();
        let next = self.builder.create_block();
        self.builder.append_block_param(next, I64);
        self.builder.ins().brif(when, applies, &[], next, &[count.into()]);

        self.builder.switch_to_block(applies);
        let bytes = self.builder.ins().imul_imm_s(count, RECORD);
        let record = self.builder.ins().iadd(out, bytes);
        let trusted = MemFlagsData::trusted();
        let position = self.builder.ins().iconst(I64, i64::try_from(position).unwrap_or(i64::MAX));
        self.builder.ins().store(trusted, position, record, SITE);
        let mut local = known.clone();
        let (ceiling, cost) = match site.amounts {
            Some((ceiling, cost)) => (self.value(ceiling, &mut local), self.value(cost, &mut local)),
            None => {
                let zero = self.builder.ins().iconst(I64, 0);
                (zero, zero)
            }
        };
        self.builder.ins().store(trusted, ceiling, record, CEILING);
        self.builder.ins().store(trusted, cost, record, COST);
        let more = self.builder.ins().iadd_imm_s(count, 1);
        self.builder.ins().jump(next, &[more.into()]);

        self.builder.switch_to_block(next);
        self.known = known;
        self.builder.block_params(next).first().copied().unwrap_or(count)
    }

    /// The value of a node, computed here unless it is known. Operands are computed before, without recursion.
    fn value(&mut self, node: NodeId, known: &mut HashMap<NodeId, Value>) -> Value {
        let mut open = vec![node];
        while let Some(&id) = open.last() {
            if known.contains_key(&id) {
                open.pop();
                continue;
            }
            let node = self.nodes.get(id.0 as usize).copied().unwrap_or(Node::Const(0));
            let before = open.len();
            open.extend(node.operands().into_iter().flatten().filter(|operand| !known.contains_key(operand)));
            if open.len() == before {
                let value = self.node(node, known);
                known.insert(id, value);
                open.pop();
            }
        }
        known.get(&node).copied().unwrap_or(self.frame)
    }

    /// Loads a word that nothing changes meanwhile, by its position.
    fn word(&mut self, of: Value, position: i64) -> Value {
        let offset = i32::try_from(position.saturating_mul(8)).unwrap_or(0);
        self.builder.ins().load(I64, MemFlagsData::trusted().with_readonly(), of, offset)
    }

    fn node(&mut self, node: Node, known: &HashMap<NodeId, Value>) -> Value {
        let of = |id: NodeId| known.get(&id).copied().unwrap_or(self.frame);
        match node {
            Node::Const(value) => match self.parameters {
                Some(parameters) => self.word(parameters, value),
                None => self.builder.ins().iconst(I64, value),
            },
            Node::Slot(slot) => match self.parameters {
                Some(parameters) => {
                    let offset = self.word(parameters, i64::from(slot.0));
                    let place = self.builder.ins().iadd(self.frame, offset);
                    self.word(place, 0)
                }
                None => self.word(self.frame, i64::from(slot.0)),
            },
            Node::Not(a) => {
                let is_zero = self.builder.ins().icmp_imm_s(IntCC::Equal, of(a), 0);
                self.builder.ins().uextend(I64, is_zero)
            }
            Node::And(a, b) => self.builder.ins().band(of(a), of(b)),
            Node::Or(a, b) => self.builder.ins().bor(of(a), of(b)),
            Node::Compare(comparison, a, b) => {
                let holds = self.builder.ins().icmp(condition(comparison), of(a), of(b));
                self.builder.ins().uextend(I64, holds)
            }
            Node::Arithmetic(operation, a, b) => {
                let (a, b) = (of(a), of(b));
                self.arithmetic(operation, a, b)
            }
            Node::Select(c, a, b) => self.builder.ins().select(of(c), of(a), of(b)),
        }
    }

    fn arithmetic(&mut self, operation: Arithmetic, a: Value, b: Value) -> Value {
        match operation {
            Arithmetic::Add => self.add(a, b),
            Arithmetic::Sub => {
                let difference = self.builder.ins().isub(a, b);
                // It overflowed if the operands differ in sign and the result took the right one's.
                let signs = self.builder.ins().bxor(a, b);
                let flipped = self.builder.ins().bxor(a, difference);
                self.saturated(difference, signs, flipped, a)
            }
            Arithmetic::Mul => self.multiply(a, b),
            Arithmetic::Scale => self.scale(a, b),
            Arithmetic::Min => self.builder.ins().smin(a, b),
            Arithmetic::Max => self.builder.ins().smax(a, b),
            Arithmetic::Divide => self.quotient(a, b),
            Arithmetic::Ratio => self.ratio(a, b),
            Arithmetic::Price(divisor) => self.price(a, b, divisor),
        }
    }

    fn add(&mut self, a: Value, b: Value) -> Value {
        let sum = self.builder.ins().iadd(a, b);
        // It overflowed if the result's sign is neither operand's.
        let left = self.builder.ins().bxor(a, sum);
        let right = self.builder.ins().bxor(b, sum);
        self.saturated(sum, left, right, a)
    }

    /// `result`, or the end of the range on the side of `sign` where both `left` and `right` are negative.
    fn saturated(&mut self, result: Value, left: Value, right: Value, sign: Value) -> Value {
        let both = self.builder.ins().band(left, right);
        let overflowed = self.builder.ins().icmp_imm_s(IntCC::SignedLessThan, both, 0);
        let end = self.end_of_range(sign);
        self.builder.ins().select(overflowed, end, result)
    }

    /// The least 64-bit number where `sign` is negative, else the greatest.
    pub(super) fn end_of_range(&mut self, sign: Value) -> Value {
        let mask = self.builder.ins().sshr_imm_s(sign, 63);
        self.builder.ins().bxor_imm_s(mask, i64::MAX)
    }

    pub(super) fn multiply(&mut self, a: Value, b: Value) -> Value {
        let low = self.builder.ins().imul(a, b);
        let high = self.builder.ins().smulhi(a, b);
        let extended = self.builder.ins().sshr_imm_s(low, 63);
        let overflowed = self.builder.ins().icmp(IntCC::NotEqual, high, extended);
        let sign = self.builder.ins().bxor(a, b);
        let end = self.end_of_range(sign);
        self.builder.ins().select(overflowed, end, low)
    }

    /// ⌊a · factor / 10⁶⌋ as [`crate::ir::arithmetic`] defines it.
    fn scale(&mut self, a: Value, factor: Value) -> Value {
        let greatest = self.builder.ins().iconst(I64, MAX_FACTOR);
        let least = self.builder.ins().iconst(I64, -MAX_FACTOR);
        let factor = self.builder.ins().smin(factor, greatest);
        let factor = self.builder.ins().smax(factor, least);
        let (whole, rest) = self.divide(a);
        let whole = self.multiply(whole, factor);
        let part = self.builder.ins().imul(rest, factor);
        let (part, rest) = self.divide(part);
        // All ones where the remainder is negative: rounding down takes one more.
        let negative = self.builder.ins().sshr_imm_s(rest, 63);
        let part = self.builder.ins().iadd(part, negative);
        self.add(whole, part)
    }

    /// Quotient towards zero and remainder of a division by [`PARTS`].
    fn divide(&mut self, a: Value) -> (Value, Value) {
        let parts = self.builder.ins().iconst(I64, PARTS);
        let quotient = self.builder.ins().sdiv(a, parts);
        let product = self.builder.ins().imul(quotient, parts);
        (quotient, self.builder.ins().isub(a, product))
    }
}

const fn condition(comparison: Comparison) -> IntCC {
    match comparison {
        Comparison::Eq => IntCC::Equal,
        Comparison::Ne => IntCC::NotEqual,
        Comparison::Lt => IntCC::SignedLessThan,
        Comparison::Le => IntCC::SignedLessThanOrEqual,
        Comparison::Gt => IntCC::SignedGreaterThan,
        Comparison::Ge => IntCC::SignedGreaterThanOrEqual,
    }
}
