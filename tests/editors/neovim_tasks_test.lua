-- Tasks of users in Neovim, each in at most three actions: nvim --clean --headless -l FILE FOVEA
--
-- One file of a small web application is open. An action is a command, a mapping or a choice; typing a query is part of its command.
local h = dofile(vim.fs.dirname(vim.fs.normalize(vim.fn.fnamemodify(_G.arg[0], ':p'))) .. '/neovim_harness.lua')
setfenv(1, h.scope)

vim.fn.mkdir('web', 'p')
vim.fn.writefile({
  'import hashlib',
  'import hmac',
  '',
  '',
  'def seal(payload: bytes, key: bytes) -> bytes:',
  '    """Protects the session cookie against tampering with a keyed digest."""',
  '    digest = hmac.new(key, payload, hashlib.sha256).digest()',
  '    return payload + b"." + digest.hex().encode()',
  '',
  '',
  'def unseal(cookie: bytes, key: bytes) -> bytes:',
  '    """Checks the digest of a session cookie and gives back its payload."""',
  '    payload, _, digest = cookie.rpartition(b".")',
  '    if not hmac.compare_digest(hmac.new(key, payload, hashlib.sha256).hexdigest().encode(), digest):',
  '        raise ValueError("the cookie was changed")',
  '    return payload',
}, 'web/sealing.py')
vim.fn.writefile({
  'def render_page(title, body):',
  '    """Puts a title and a body into the HTML frame of every page."""',
  '    return f"<html><head><title>{title}</title></head><body>{body}</body></html>"',
}, 'web/pages.py')

local config_file = begin({ settings = { heat = { preset = 'quiet' } } })
wait('the index of every file', function()
  local index = status().index
  return index and index.state == 'ready' and index.items >= 9
end)

local actions = 0
local function act(body)
  actions = actions + 1
  return body()
end

local function press(keys)
  act(function()
    vim.api.nvim_feedkeys(vim.keycode(keys), 'mx', false)
  end)
end

local function within_three(name, body)
  test(name, function()
    vim.cmd.buffer(config_file)
    close_floats()
    actions = 0
    body()
    assert(actions >= 1 and actions <= 3, actions .. ' actions')
  end)
end

within_three('where are cookies signed?', function()
  -- First action: press the key and type the words at its prompt. Second action: choose the first answer.
  ---@diagnostic disable-next-line: duplicate-set-field
  vim.ui.input = function(_, done)
    done('where are session cookies signed')
  end
  local choose = vim.ui.select
  ---@diagnostic disable-next-line: duplicate-set-field
  vim.ui.select = function(items, _, done)
    act(function()
      done(items[1], 1)
    end)
  end
  press('grs')
  wait('the cursor on the function that signs', function()
    return vim.api.nvim_buf_get_name(0):find('web/sealing.py$') and vim.fn.expand('<cword>'):find('seal$')
  end)
  vim.ui.select = choose
  equal(actions, 2, 'actions')
end)

within_three('is this function a copy?', function()
  go(config_file, 'config.insert')
  picks.wanted = 'read_settings'
  -- First action: press the key. The comparison begins with the answer in words.
  press('grc')
  wait('the comparison', function()
    return #vim.api.nvim_list_tabpages() == 2
  end)
  local header = lines_of(vim.api.nvim_win_get_buf(vim.api.nvim_tabpage_list_wins(0)[1]))
  assert(header[1]:find('Both', 1, true), header[1])
  local similar = tonumber(header[2]:match('similar (%d%.%d+)'))
  assert(similar and similar > 0.8, header[2])
  -- Second action: go back.
  press('q')
  wait('the file', function()
    return vim.api.nvim_get_current_buf() == config_file
  end)
end)

within_three('why does it say so?', function()
  local word = hottest(config_file)
  -- First action: go to a marked word. Second action: show the sentence.
  act(function()
    vim.api.nvim_win_set_cursor(0, { word.row + 1, word.from })
  end)
  act(fovea.hover)
  local text = float_text('the sentence')
  assert(text:find(word.text, 1, true) and text:find('telling word of', 1, true), text)
  -- Third action: show the numbers.
  act(function()
    vim.cmd.Fovea('why')
  end)
  text = float_text('the numbers')
  assert(text:find(word.text, 1, true) and text:find('residual', 1, true), text)
end)

finish()
