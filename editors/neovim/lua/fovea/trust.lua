--- Whether an explanation can be trusted: the effect of deleting the words that count most, compared with random ones.
local client = require('fovea.client')
local panel = require('fovea.panel')

local M = {}

local WIDTH = 72

--- What the curve shows.
local CHANGES = {
  embedding = 'How far the embedding turns (1 - cosine):',
  similarity = 'How far the similarity falls:',
  answer = 'How far the score of the answer falls:',
}

---@param count integer
---@return string
local function words(count)
  return count == 1 and '1 word' or ('%d words'):format(count)
end

--- Breaks a sentence into lines, since a panel does not wrap.
---@param sentence string
---@param room integer columns
---@return string[]
local function wrapped(sentence, room)
  local lines = { '' }
  for word in sentence:gmatch('%S+') do
    local line = lines[#lines]
    if line ~= '' and #line + #word >= room then
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
  -- A panel is no wider than its window, which may be one side of a comparison.
  local room = math.min(WIDTH, vim.api.nvim_win_get_width(0) - 4)
  local wide = room > 62
  local lines = wrapped(answer.sentence, room)
  if #answer.curve == 0 then
    return lines
  end
  vim.list_extend(lines, { '', CHANGES[answer.target] or CHANGES.embedding })
  local most = answer.random
  for _, point in ipairs(answer.curve) do
    most = math.max(most, point[2])
  end
  for _, point in ipairs(answer.curve) do
    local label = 'without the ' .. words(point[1]) .. (wide and ' of the highest scores' or '')
    table.insert(lines, panel.row(point[2], most, label))
  end
  local random = ('without %s at random'):format(words(answer.deleted)) .. (wide and (', mean of %d draws'):format(answer.sets) or '')
  table.insert(lines, panel.row(answer.random, most, random))
  return lines
end

--- Asks the server to judge; the panel opens unless the user has gone elsewhere or changed the text. It takes up to two seconds.
---@param argument table the argument of `fovea.trust`
---@param missing string what a message says if there is nothing to judge
function M.judge(argument, missing)
  local bufnr = vim.api.nvim_get_current_buf()
  local tick = vim.api.nvim_buf_get_changedtick(bufnr)
  client.execute('fovea.trust', { argument }, function(answer)
    if type(answer) ~= 'table' then
      vim.notify('Fovea: ' .. missing)
    elseif vim.api.nvim_get_current_buf() == bufnr and vim.api.nvim_buf_get_changedtick(bufnr) == tick then
      panel.open(M.lines(answer), ' Can I trust it? ')
    end
  end)
end

--- Judges what is at the cursor: a comparison, the marked answer to a question, or the marks of the unit.
function M.run()
  local asked = require('fovea.compare.windows').asked(0) or require('fovea.ask').asked()
  if asked then
    M.judge(asked, 'the text has changed, and the answer is not there any more; ask again')
    return
  end
  local ours = client.attached()
  if ours then
    local position = vim.lsp.util.make_position_params(0, ours.offset_encoding).position
    M.judge({ uri = vim.uri_from_bufnr(0), position = position }, 'there is no text under the cursor to judge')
  end
end

return M
