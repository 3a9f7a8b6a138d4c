--- Whether the explanation at the cursor can be trusted: the effect of deleting the marked words, compared with random ones.
local client = require('fovea.client')
local panel = require('fovea.panel')

local M = {}

local WIDTH = 72

---@param count integer
---@return string
local function words(count)
  return count == 1 and '1 word' or ('%d words'):format(count)
end

--- Breaks a sentence into lines, since a panel does not wrap.
---@param sentence string
---@return string[]
local function wrapped(sentence)
  local lines = { '' }
  for word in sentence:gmatch('%S+') do
    local line = lines[#lines]
    if line ~= '' and #line + #word >= WIDTH then
      table.insert(lines, word)
    else
      lines[#lines] = line == '' and word or line .. ' ' .. word
    end
  end
  return lines
end

---@param answer table the answer of `fovea.trust`
---@return string[]
function M.lines(answer)
  local lines = wrapped(answer.sentence)
  if #answer.curve == 0 then
    return lines
  end
  vim.list_extend(lines, { '', 'How far the embedding turns (1 - cosine):' })
  local most = answer.random
  for _, point in ipairs(answer.curve) do
    most = math.max(most, point[2])
  end
  for _, point in ipairs(answer.curve) do
    table.insert(lines, panel.row(point[2], most, ('without the %s of the highest scores'):format(words(point[1]))))
  end
  local random = ('without %s at random, mean of %d draws'):format(words(answer.deleted), answer.sets)
  table.insert(lines, panel.row(answer.random, most, random))
  return lines
end

--- Judges the explanation of the unit at the cursor; takes up to two seconds.
function M.run()
  local bufnr = vim.api.nvim_get_current_buf()
  local ours = client.attached()
  if not ours then
    return
  end
  local position = vim.lsp.util.make_position_params(0, ours.offset_encoding).position
  local tick = vim.api.nvim_buf_get_changedtick(bufnr)
  client.execute('fovea.trust', { { uri = vim.uri_from_bufnr(bufnr), position = position } }, function(answer)
    if type(answer) ~= 'table' then
      vim.notify('Fovea: there is no text under the cursor to judge')
    elseif vim.api.nvim_get_current_buf() == bufnr and vim.api.nvim_buf_get_changedtick(bufnr) == tick then
      panel.open(M.lines(answer), ' Can I trust it? ')
    end
  end)
end

return M
