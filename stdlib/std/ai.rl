# std.ai: what a request to a language model brings.
#
# Shapes only, no prices: those go stale, and belong into a policy or a module of its own. A gateway tells these facts,
# those of `usage` with the reply: `reserve` what a request may cost at most, `settle` what it did.
edition 2026

module std.ai

input {
  ## The model asked for, by the name the caller uses.
  model: string

  ## The tokens of the prompt, counted before the call.
  prompt_tokens: tokens

  ## The most tokens that the answer may have.
  max_tokens: tokens = 4096 tokens

  ## The tokens that the model read, as its answer says.
  usage.input: tokens after response

  ## The tokens that it wrote.
  usage.output: tokens after response
}
