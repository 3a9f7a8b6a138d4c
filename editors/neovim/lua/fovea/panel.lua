--- An explanation of a passage or a document, in a float that closes when the cursor moves.
local M = {}

local bars = { '▏', '▎', '▍', '▌', '▋', '▊', '▉', '█' }

--- A bar of up to eight cells for a share of the largest value.
---@param share number
---@return string
local function bar(share)
  local eighths = math.floor(math.max(0, math.min(1, share)) * 64 + 0.5)
  return ('█'):rep(math.floor(eighths / 8)) .. (bars[eighths % 8] or '')
end

---@param score number
---@param most number
---@param text string
---@return string
function M.row(score, most, text)
  local drawn = bar(most > 0 and score / most or 0)
  return ('%6.3f %s%s %s'):format(score, drawn, (' '):rep(8 - vim.fn.strdisplaywidth(drawn)), (text:gsub('%s+', ' ')))
end

---@param lines string[]
---@param title? string
---@return integer bufnr
function M.open(lines, title)
  -- The float has plain text, because words of the document must not be rendered as Markdown.
  local bufnr, window = vim.lsp.util.open_floating_preview(lines, '', {
    focus_id = 'fovea',
    border = 'rounded',
    wrap = false,
    title = title,
    focus = false,
  })
  vim.wo[window].foldenable = false
  return bufnr
end

--- The most telling words of each unit in the JSON of `fovea explain`.
---@param answer table
---@param limit? integer words a unit
---@return string[]
function M.explanation(answer, limit)
  local lines = { ('Fovea · %s · %s'):format(answer.method, answer.model) }
  for _, unit in ipairs(answer.units or {}) do
    local words = vim.deepcopy(unit.words)
    table.sort(words, function(a, b)
      return a.score > b.score
    end)
    table.insert(lines, '')
    table.insert(
      lines,
      ('%s · line %d · %d tokens'):format(
        vim.trim(('%s %s'):format(unit.kind, unit.name or '')),
        unit.start.line + 1,
        unit.tokens
      )
    )
    if unit.coverage < 0.5 then
      table.insert(lines, ('not understood: the model knows only %d %% of the characters here'):format(unit.coverage * 100))
    end
    for i = 1, math.min(#words, limit or 12) do
      table.insert(lines, M.row(words[i].score, words[1].score, words[i].text))
    end
    table.insert(
      lines,
      ('bias %.3f · special tokens %.3f · residual %.1e · %.0f ms'):format(
        unit.bias_share,
        unit.special_share,
        unit.residual,
        unit.ms
      )
    )
  end
  return lines
end

return M
