# std.ai: what a request to a language model brings.
#
# Shapes only, no prices: those go stale, and belong into a policy or a module of its own. A gateway tells these facts.
edition 2026

module std.ai

input {
  ## The model asked for, by the name the caller uses.
  model: string

  ## The tokens of the prompt, counted before the call.
  prompt_tokens: tokens

  ## The most tokens that the answer may have.
  max_tokens: tokens = 4096 tokens
}
