--- Predict: the model's predictions at the cursor, with the words that contribute to a token marked in the text. Nothing is inserted.
local ask = require('fovea.ask')
local client = require('fovea.client')

local M = {}

--- The number of words that a message names.
local NAMED = 5

---@class fovea.NextToken
---@field id integer
---@field token string
---@field probability number

---@class fovea.WhyToken
---@field token string
---@field ratherThan? string
---@field words fovea.AnswerWord[]

--- A token as the list shows it: ` 62.2 %  " self"`.
---@param next fovea.NextToken
---@return string
function M.line(next)
  return ('%5.1f %%  %s'):format(100 * next.probability, vim.json.encode(next.token))
end

--- The words that contribute most to a token: `" self": def +1.20 · total +0.81`.
---@param why fovea.WhyToken
---@return string
function M.because(why)
  local words = vim.deepcopy(why.words)
  table.sort(words, function(a, b)
    return math.abs(a.score) > math.abs(b.score)
  end)
  local told = vim.tbl_map(function(word)
    return ('%s %+.2f'):format(word.text, word.score)
  end, vim.list_slice(words, 1, NAMED))
  local rather = type(why.ratherThan) == 'string' and (' rather than ' .. vim.json.encode(why.ratherThan)) or ''
  return ('%s%s: %s'):format(vim.json.encode(why.token), rather, table.concat(told, ' · '))
end

--- Marks the words that contribute to a token and names the strongest.
---@param argument { uri: string, position: lsp.Position, why: integer|string, ratherThan?: integer|string }
function M.why(argument)
  client.execute('fovea.predict', { argument }, function(answer)
    if type(answer) ~= 'table' or type(answer.why) ~= 'table' then
      return
    end
    local ours = client.get(0) or client.get()
    local range = { start = argument.position, ['end'] = argument.position }
    ask.mark({ uri = argument.uri, range = range, words = answer.why.words }, ours and ours.offset_encoding or 'utf-16')
    vim.notify('Fovea: ' .. M.because(answer.why))
  end)
end

--- Lists the model's predictions at the cursor. The user chooses a token to see why; with `rather` a second one to see why not that one.
---@param argument { uri: string, position: lsp.Position }
---@param rather? boolean
function M.ask(argument, rather)
  client.execute('fovea.predict', { argument }, function(answer)
    if type(answer) ~= 'table' then
      return
    end
    if #answer.next == 0 then
      vim.notify('Fovea: there is no text before this place')
      return
    end
    local title = answer.masked and 'What stands here, by ' or 'What comes next, by '
    local function choose(prompt, done)
      vim.ui.select(answer.next, { prompt = prompt, kind = 'fovea', format_item = M.line }, done)
    end
    choose(title .. answer.model, function(choice)
      if not choice then
        return
      end
      local asked = vim.tbl_extend('force', argument, { why = choice.id })
      if not rather then
        M.why(asked)
        return
      end
      choose('Why not', function(other)
        if other then
          M.why(vim.tbl_extend('force', asked, { ratherThan = other.id }))
        end
      end)
    end)
  end)
end

return M
