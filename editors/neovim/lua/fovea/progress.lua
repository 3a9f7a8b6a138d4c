--- Commands that may take seconds: a window shows their progress, and a key cancels them.
local client = require('fovea.client')
local windows = require('fovea.compare.windows')

local M = {}

--- Milliseconds until a command shows its progress.
local PATIENCE = 300

--- A small window that shows the progress, with keys that cancel the work.
---@param text string
---@param cancel fun()
---@return { say: fun(text: string), close: fun() }
local function waiting(text, cancel)
  local bufnr = windows.scratch({ '' })
  local width = math.min(70, vim.o.columns - 4)
  local window = vim.api.nvim_open_win(bufnr, true, {
    relative = 'editor',
    row = math.floor(vim.o.lines / 2) - 2,
    col = math.max(0, math.floor((vim.o.columns - width) / 2)),
    width = width,
    height = 2,
    style = 'minimal',
    border = 'rounded',
    title = ' Fovea ',
  })
  -- Wide characters would push the keys out of the window.
  vim.wo[window].wrap = false
  local shown = {}
  function shown.say(line)
    if vim.api.nvim_buf_is_valid(bufnr) then
      vim.bo[bufnr].modifiable = true
      vim.api.nvim_buf_set_lines(bufnr, 0, -1, false, { ' ' .. vim.fn.strcharpart(line, 0, width - 2), ' q, <Esc> or CTRL-C cancels' })
      vim.bo[bufnr].modifiable = false
    end
  end
  function shown.close()
    if vim.api.nvim_win_is_valid(window) then
      vim.api.nvim_win_close(window, true)
    end
  end
  for _, key in ipairs({ 'q', '<Esc>', '<C-c>' }) do
    vim.keymap.set('n', key, function()
      shown.close()
      cancel()
    end, { buffer = bufnr, nowait = true, desc = 'Fovea: cancel' })
  end
  shown.say(text)
  return shown
end

local tokens = 0

--- The progress in words: `3 of 8 37 %`. The last step says nothing about how long it takes, so 100 % is omitted.
---@param value { message?: string, percentage?: integer }
---@return string?
local function told(value)
  local percentage = value.percentage and value.percentage < 100 and ('%d %%'):format(value.percentage) or nil
  if value.message and percentage then
    return value.message .. ' ' .. percentage
  end
  return value.message or percentage
end

--- Calls `say` with each report on a token. Returns a function that ends this.
---@param token string
---@param say fun(text: string)
---@return fun()
local function listen(token, say)
  local id = vim.api.nvim_create_autocmd('LspProgress', {
    callback = function(event)
      local params = event.data.params or event.data.result or {}
      local text = params.token == token and told(params.value or {})
      if text then
        say(text)
      end
    end,
  })
  return function()
    pcall(vim.api.nvim_del_autocmd, id)
  end
end

--- Runs one of the server's commands. `done` gets its error or answer, unless it is canceled.
---@param what { working: string, canceled: string } what the window says, and what a notice says after the key
---@param command string
---@param arguments any[]
---@param done fun(err?: lsp.ResponseError, answer: any)
---@return fun() cancel without a notice
function M.run(what, command, arguments, done)
  tokens = tokens + 1
  local token = ('fovea-progress-%d'):format(tokens)
  local origin = vim.api.nvim_get_current_win()
  local finished, window, cancel = false, nil, nil
  local deaf = listen(token, function(text)
    if window then
      window.say(what.working .. ' ' .. text)
    end
  end)
  local function finish()
    finished = true
    deaf()
    if window then
      window.close()
      if vim.api.nvim_win_is_valid(origin) then
        vim.api.nvim_set_current_win(origin)
      end
    end
  end
  local function stop()
    if not finished then
      finish()
      if cancel then
        cancel()
      end
    end
  end
  cancel = client.command(command, arguments, { workDoneToken = token }, function(err, answer)
    if not finished then
      finish()
      done(err, answer)
    end
  end)
  if not cancel then
    finish()
  end
  vim.defer_fn(function()
    if not finished then
      window = waiting(what.working, function()
        stop()
        vim.notify(what.canceled)
      end)
    end
  end, PATIENCE)
  return stop
end

return M
