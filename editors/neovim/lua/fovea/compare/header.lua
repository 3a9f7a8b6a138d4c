--- The lines above a comparison: the shared words of two passages, and the numbers.
local places = require('fovea.places')

local M = {}

--- A number of the answer, or nil if the server does not send it.
---@param value any
---@return number?
local function number_or_nil(value)
  return type(value) == 'number' and value or nil
end

--- The lines of the details.
---@param answer table the JSON of `fovea compare`
---@return string[]
function M.details(answer)
  local lines = { ('cosine %.3f · residual of the split %.0e'):format(answer.cosine, answer.residual or 0) }
  if type(answer.centered) == 'table' then
    local own = answer.centered
    local line = ('without what the languages have in common %.3f · languages %.3f'):format(own.cosine, own.common)
    if math.abs(own.similarity - own.cosine) > 5e-4 then
      line = line .. (' · similarity %.3f'):format(own.similarity)
    end
    table.insert(lines, line)
  end
  local parts = {}
  for _, side in ipairs({ { 'left', answer.a }, { 'right', answer.b } }) do
    local special, bias = number_or_nil(side[2].special), number_or_nil(side[2].bias)
    if special and bias then
      table.insert(parts, ('%s: special tokens %.3f, biases %.3f'):format(side[1], special, bias))
    end
  end
  if #parts > 0 then
    table.insert(lines, table.concat(parts, ' · '))
  end
  return lines
end

--- A line with as many parts as fit, at least one.
---@param start string
---@param parts string[]
---@return string
function M.fitting(start, parts)
  local line = start
  for i, part in ipairs(parts) do
    local longer = line .. (i > 1 and ' · ' or '') .. part
    if i > 1 and vim.fn.strdisplaywidth(longer) > vim.o.columns - 2 then
      break
    end
    line = longer
  end
  return line
end

--- The lines above the two passages: shared words first, numbers folded.
---@param view { answer: table, message: string, details: boolean }
---@return string[]
function M.lines(view)
  local answer = view.answer
  local similarity = type(answer.centered) == 'table' and answer.centered.similarity or answer.cosine
  local filled = math.floor(10 * math.max(0, math.min(1, similarity)) + 0.5)
  local lines = {}
  if type(answer.summary) == 'string' and answer.summary ~= '' then
    table.insert(lines, ' ' .. answer.summary:gsub('%s+', ' '))
  end
  local shared, seen = {}, {}
  for _, entry in ipairs(type(answer.shared) == 'table' and answer.shared or {}) do
    if not seen[entry.text] and #shared < 8 then
      seen[entry.text] = true
      table.insert(shared, (entry.text:gsub('%s+', ' ')))
    end
  end
  local line = (' similar %.2f %s%s'):format(similarity, ('█'):rep(filled), ('░'):rep(10 - filled))
  table.insert(lines, #shared > 0 and M.fitting(line .. '  shared: ', shared) or line)
  table.insert(lines, ' ' .. view.message:gsub('%s+', ' '))
  if view.details then
    table.insert(lines, ' ▾ Details (d) · can I trust it? (t)')
    for _, detail in ipairs(M.details(answer)) do
      table.insert(lines, '   ' .. detail)
    end
  else
    table.insert(lines, ' ▸ Details (d) · can I trust it? (t)')
  end
  return lines
end

--- A title that fits: the name, then the path, from which folders are cut.
---@param passage fovea.Passage
---@param width integer
---@return string
function M.title(passage, width)
  local path = places.path(passage.uri)
  local line = ':' .. passage.row + 1
  local name = passage.name ~= '' and passage.name .. ' · ' or ''
  local function shorten(text, room)
    if vim.fn.strdisplaywidth(text) <= room then
      return text
    end
    return '…' .. vim.fn.strcharpart(text, vim.fn.strchars(text) - math.max(1, room - 1))
  end
  if vim.fn.strchars(name) > math.floor(width / 2) then
    name = vim.fn.strcharpart(passage.name, 0, math.max(1, math.floor(width / 2) - 4)) .. '… · '
  end
  return name .. shorten(path, math.max(8, width - vim.fn.strdisplaywidth(name .. line))) .. line
end

return M
